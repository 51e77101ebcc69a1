"""Makes recordings, good and bad ones, without a microphone."""

import struct
import wave
from collections.abc import AsyncIterator, Iterable
from io import BytesIO

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from services.ports.speech import Recording

RATE = 16_000
ENCODERS = {
    "webm": ("libopus", 48_000),
    "ogg": ("libopus", 48_000),
    "wav": ("pcm_s16le", 44_100),
    "mp3": ("libmp3lame", 44_100),
    "mp4": ("aac", 44_100),
    "flac": ("flac", 44_100),
}
CLUSTER = b"\x1f\x43\xb6\x75"
ONE_SIXTH_OF_SILENCE = b"\x4b\x06"  # six Opus frames of 20 ms in which nothing is sent

Samples = NDArray[np.int16]


def tone(seconds: float, rate: int = RATE, hertz: float = 220.0, level: int = 8_000) -> Samples:
    at = np.arange(int(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def noise(seconds: float, rate: int = RATE, level: int = 1_000) -> Samples:
    return np.random.default_rng(7).normal(0, level, int(seconds * rate)).astype(np.int16)


def silence(seconds: float, rate: int = RATE) -> Samples:
    return np.zeros(int(seconds * rate), np.int16)


def recording(sound: Samples) -> Recording:
    return Recording(sound.tobytes(), len(sound) / RATE)


def encoded(container: str, seconds: float, layout: str = "mono") -> bytes:
    """A tone in this container, with the codec that is usual there."""
    codec, rate = ENCODERS[container]
    channels = 2 if layout == "stereo" else 1
    sound = np.repeat(tone(seconds, rate), channels)[np.newaxis]
    file = BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout=layout)
        frame.rate = rate
        converter = av.AudioResampler(stream.codec_context.format, layout, rate)
        for piece in [*converter.resample(frame), None]:
            output.mux(stream.encode(piece))
    return file.getvalue()


def wav(sound: Samples, rate: int = RATE) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, rate, 0, "NONE", ""))
        output.writeframes(sound.tobytes())
    return file.getvalue()


def float_wav(values: list[float], rate: int = RATE) -> bytes:
    body = struct.pack(f"<{len(values)}f", *values)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, rate * 4, 4, 32)
    data = struct.pack("<4sI", b"data", len(body)) + body
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def webm_of(seconds: Iterable[float]) -> bytes:
    """A WebM file with one packet of 120 ms of silence at each of these times."""
    head = encoded("webm", 0.1)
    return head[: head.index(CLUSTER)] + b"".join(_cluster(int(at * 1000), 1) for at in seconds)


def hours_of_silence(hours: float) -> bytes:
    """A small WebM file that is very long."""
    head = encoded("webm", 0.1)
    clusters = range(int(hours * 3600 / 30))
    return head[: head.index(CLUSTER)] + b"".join(_cluster(number * 30_000, 250) for number in clusters)


def video_only(container: str = "webm") -> bytes:
    """A file with a picture and no sound."""
    file = BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("libvpx", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for picture in [av.VideoFrame(32, 32, "yuv420p"), None]:
            output.mux(stream.encode(picture))
    return file.getvalue()


async def arriving(data: bytes, piece: int = 16_384) -> AsyncIterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


def _cluster(at: int, packets: int) -> bytes:
    blocks = b"".join(_block(number * 120) for number in range(packets))
    body = b"\xe7\x88" + struct.pack(">Q", at) + blocks
    return CLUSTER + struct.pack(">Q", len(body) | 1 << 56) + body


def _block(at: int) -> bytes:
    return b"\xa3\x86\x81" + struct.pack(">h", at) + b"\x80" + ONE_SIXTH_OF_SILENCE
