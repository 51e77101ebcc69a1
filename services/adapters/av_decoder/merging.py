"""Two recordings in, one out: Ogg Opus at 48 kHz, the first on the left and the second on the right, in step.

Each lies where its own times say it does. The shorter one ends in silence; one that is empty is silence.
"""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from services.adapters.av_decoder.channels import Samples
from services.adapters.av_decoder.flaws import Flaws
from services.adapters.av_decoder.mixing import is_finite
from services.adapters.av_decoder.reading import Reading
from services.adapters.av_decoder.source import Source
from services.adapters.av_decoder.timeline import Timeline
from services.errors import AudioUnreadable
from services.recordings.formats import container_of

RATE = 48_000
BLOCK = RATE // 50
SECOND_OF_SILENCE = np.zeros(RATE, np.int16)
BIT_RATE = 96_000
# The same each time: what is merged twice is the same file.
OPTIONS = {"application": "audio", "frame_duration": "20"}
MUXING = {"page_duration": "1000000", "serial_offset": "1", "fflags": "+bitexact"}


class Outlet(io.RawIOBase):
    """A file that nobody can go back in."""

    def __init__(self, give: Callable[[bytes], None]) -> None:
        self._give, self._at = give, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: object) -> int:
        piece = bytes(cast(bytes, data))
        self._give(piece)
        self._at += len(piece)
        return len(piece)


def merge(left: Source, right: Source, most_seconds: float, give: Callable[[bytes], None]) -> None:
    """AudioTooLong as soon as one passes the cap, AudioUnreadable where neither has any sound."""
    sides = [_Side(one, most_seconds) if len(one) else None for one in (left, right)]
    with av.open(Outlet(give), "w", format="ogg", options=MUXING) as output:
        stream = output.add_stream("libopus", rate=RATE, layout="stereo", options=OPTIONS)
        stream.bit_rate = BIT_RATE
        at = 0
        while (block := _both(sides)) is not None:
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.T).reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            at += frame.samples
            output.mux(stream.encode(frame))
        if not at:
            raise AudioUnreadable
        output.mux(stream.encode(None))


def _both(sides: "list[_Side | None]") -> NDArray[np.int16] | None:
    """The next block of both; None where both are over."""
    blocks = [side.take(BLOCK) if side else SECOND_OF_SILENCE[:0] for side in sides]
    longest = max(len(block) for block in blocks)
    if not longest:
        return None
    return np.stack([np.pad(block, (0, longest - len(block))) for block in blocks])


class _Side:
    """The samples of one recording, as they are asked for."""

    def __init__(self, data: Source, most_seconds: float) -> None:
        self._pieces = _pieces(data, most_seconds)
        self._rest = SECOND_OF_SILENCE[:0]

    def take(self, size: int) -> Samples:
        """So many; fewer at its end."""
        while len(self._rest) < size and (piece := next(self._pieces, None)) is not None:
            self._rest = np.concatenate((self._rest, piece))
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _pieces(data: Source, most_seconds: float) -> Iterator[Samples]:
    kind = container_of(data)
    if kind is None:
        raise AudioUnreadable
    timeline = Timeline(most_seconds, Flaws(most_seconds), fills=True)
    with Reading(kind, data, timeline) as reading:
        shape, resampler = None, AudioResampler(format="s16", layout="mono", rate=RATE)
        for silence, frame in reading.frames():
            if not is_finite(frame):
                raise AudioUnreadable
            if (this := (frame.format.name, frame.layout.name, frame.sample_rate)) != shape:
                yield from _resampled(resampler, None) if shape else ()
                shape, resampler = this, AudioResampler(format="s16", layout="mono", rate=RATE)
            yield from _silence(round(silence * RATE))
            frame.pts = None
            yield from _resampled(resampler, frame)
        yield from _resampled(resampler, None) if shape else ()


def _resampled(resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[Samples]:
    for made in resampler.resample(frame):
        yield np.frombuffer(bytes(memoryview(made.planes[0])[: 2 * made.samples]), np.int16)


def _silence(samples: int) -> Iterator[Samples]:
    while samples > 0:
        yield SECOND_OF_SILENCE[:samples]
        samples -= RATE
