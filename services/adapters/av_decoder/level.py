"""Brings a recording that is very quiet, all of it, to the level of others.

Voice activity and engines hear less of speech under -50 dB of full scale, though all of it is there.
"""

import numpy as np
from numpy.typing import NDArray

from services.adapters.av_decoder.protocol import RATE

FRAME = RATE // 50
LOUD_FRAMES = 25  # half a second of the loudest, so that a knock is not taken for the voice
QUIET, USUAL = -35.0, -20.0
MOST_GAIN = 40.0
FULL_SCALE = 32_768


class Loudness:
    """How loud a recording is where it is loudest, found as it passes."""

    def __init__(self, before: float = 0.0) -> None:
        self._loudest, self._before = np.zeros(LOUD_FRAMES), before

    def take(self, block: bytes) -> None:
        self._loudest = np.sort(np.concatenate([self._loudest, _amplitudes(block)]))[-LOUD_FRAMES:]

    @property
    def loudest(self) -> float:
        """The amplitude that it reaches, or what was before it."""
        return max(self._before, self._amplitude)

    @property
    def gain(self) -> float | None:
        """How much louder it is to be made; None where it is not quiet."""
        loudest = self.loudest
        if not 0 < loudest < _amplitude(QUIET):
            return None
        return float(np.float32(min(_amplitude(USUAL) / loudest, 10 ** (MOST_GAIN / 20))))

    @property
    def _amplitude(self) -> float:
        """The amplitude that so many frames reach, silence not counted."""
        frames = self._loudest
        return float(frames[frames > 0].min(initial=FULL_SCALE)) if frames.any() else 0.0


def louder(block: bytes, gain: float | None) -> bytes:
    """The same sound, so much louder."""
    if gain is None:
        return block
    sound = np.frombuffer(block, "<i2") * np.float32(gain)
    made: bytes = np.clip(np.rint(sound), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
    return made


def _amplitudes(block: bytes) -> NDArray[np.float32]:
    sound = np.frombuffer(block, "<i2").astype(np.float32)
    whole = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    amplitudes: NDArray[np.float32] = np.sqrt(np.square(whole).mean(axis=1))
    return amplitudes


def _amplitude(decibels: float) -> float:
    return float(FULL_SCALE * 10 ** (decibels / 20))
