"""A recording as a file that travels: lossless where it fits, small where it must be."""

import io
from collections.abc import Iterator
from typing import cast

import av
import numpy as np
from av.audio import AudioStream

from services.errors import EngineRefused, size_of

RATE = 16_000
OPUS_BITS_PER_SECOND = 32_000
OPUS_NAME = "answer.ogg"
# Some engines refuse less than a tenth of a second, and some say nothing of less than a second.
LEAST_BYTES = RATE * 2 * 5 // 4

Packed = tuple[str, bytes, str]


def packed(pcm: bytes, most_bytes: int) -> Packed:
    """The samples as a named file of at most so many bytes: FLAC if it fits, else Opus, else EngineRefused.

    What is short is followed by silence.
    """
    pcm = pcm.ljust(LEAST_BYTES, b"\0")
    flac = _encoded(pcm, "flac", "flac")
    if len(flac) <= most_bytes:
        return "answer.flac", flac, "audio/flac"
    opus = _opus(pcm)
    if len(opus[1]) <= most_bytes:
        return opus
    raise EngineRefused(f"The recording is over the {size_of(most_bytes)} that the speech engine takes.")


def smaller(flac: bytes) -> Packed:
    """The same as Opus, an eighth of the size."""
    with av.open(io.BytesIO(flac), "r") as file:
        return _opus(b"".join(frame.to_ndarray().tobytes() for frame in file.decode(audio=0)))


def _opus(pcm: bytes) -> Packed:
    return OPUS_NAME, _encoded(pcm, "ogg", "libopus", bit_rate=OPUS_BITS_PER_SECOND), "audio/ogg"


def _encoded(pcm: bytes, container: str, codec: str, bit_rate: int | None = None) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast(AudioStream, output.add_stream(codec, rate=RATE, layout="mono"))
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for frame in _frames(pcm):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def _frames(pcm: bytes) -> Iterator[av.AudioFrame]:
    samples = np.frombuffer(pcm, dtype="<i2")
    for start in range(0, len(samples), RATE):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + RATE], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = start
        yield frame
