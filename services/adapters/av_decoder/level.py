"""Brings a recording that is very quiet to the level of others.

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


def levelled(blocks: list[bytes]) -> list[bytes]:
    """The same sound, louder where all of it is quiet; the same blocks where it is not."""
    loudest = _loudest(blocks)
    if not 0 < loudest < _amplitude(QUIET):
        return blocks
    gain = np.float32(min(_amplitude(USUAL) / loudest, 10 ** (MOST_GAIN / 20)))
    return [_louder(block, gain) for block in blocks]


def _loudest(blocks: list[bytes]) -> float:
    """The amplitude that so many frames reach, silence not counted."""
    frames = np.sort(np.concatenate([np.zeros(LOUD_FRAMES), *(_amplitudes(block) for block in blocks)]))[-LOUD_FRAMES:]
    return float(frames[frames > 0].min(initial=FULL_SCALE)) if frames.any() else 0.0


def _amplitudes(block: bytes) -> NDArray[np.float32]:
    sound = np.frombuffer(block, "<i2").astype(np.float32)
    whole = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    amplitudes: NDArray[np.float32] = np.sqrt(np.square(whole).mean(axis=1))
    return amplitudes


def _louder(block: bytes, gain: np.float32) -> bytes:
    sound = np.frombuffer(block, "<i2") * gain
    louder: bytes = np.clip(np.rint(sound), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
    return louder


def _amplitude(decibels: float) -> float:
    return float(FULL_SCALE * 10 ** (decibels / 20))
