"""Makes recordings, good and bad ones, without a microphone."""

import struct
import wave
from collections.abc import AsyncIterator, Iterable
from functools import cache
from io import BytesIO

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from services.transcription.ports import Recording

RATE = 16_000
ENCODERS = {
    "webm": ("libopus", 48_000),
    "ogg": ("libopus", 48_000),
    "wav": ("pcm_s16le", 44_100),
    "mp3": ("libmp3lame", 44_100),
    "mp4": ("aac", 44_100),
    "flac": ("flac", 44_100),
    "aac": ("aac", 44_100),
    "amr": ("libopencore_amrnb", 8_000),
    "caf": ("alac", 44_100),
    "aiff": ("pcm_s16be", 44_100),
    "au": ("pcm_s16be", 44_100),
    "w64": ("pcm_s16le", 44_100),
    "wma": ("wmav2", 44_100),
    "3gp": ("libopencore_amrnb", 8_000),
    "mov": ("aac", 44_100),
    "mp2": ("mp2", 44_100),
    "mka": ("pcm_s16le", 48_000),
}
BIT_RATES = {"libopencore_amrnb": 12_200, "wmav1": 48_000, "wmav2": 48_000}
RATES = {"libopus": 48_000, "libopencore_amrnb": 8_000}
MUXERS = {"aac": "adts", "wma": "asf", "mka": "matroska"}

CLUSTER = b"\x1f\x43\xb6\x75"
ONE_SIXTH_OF_SILENCE = b"\x4b\x06"  # six Opus frames of 20 ms in which nothing is sent

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

Samples = NDArray[np.int16]
Options = dict[str, str]


def tone(seconds: float, rate: int = RATE, hertz: float = 220.0, level: int = 8_000) -> Samples:
    at = np.arange(int(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def noise(seconds: float, rate: int = RATE, level: int = 1_000) -> Samples:
    return np.random.default_rng(7).normal(0, level, int(seconds * rate)).astype(np.int16)


def silence(seconds: float, rate: int = RATE) -> Samples:
    return np.zeros(int(seconds * rate), np.int16)


def recording(sound: Samples) -> Recording:
    return Recording(sound.tobytes(), len(sound) / RATE)


@cache
def encoded(container: str, seconds: float, layout: str = "mono", codec: str | None = None) -> bytes:
    """A tone in this container, with the codec that is usual there or another one."""
    usual, rate = ENCODERS[container]
    channels = 2 if layout == "stereo" else 1
    return spoken(container, np.repeat(tone(seconds, rate)[np.newaxis], channels, 0), rate, codec or usual)


def spoken(
    container: str, sound: Samples, rate: int, codec: str | None = None, options: Options | None = None
) -> bytes:
    """These channels, a row each, in this container; at its own rate if the codec takes no other."""
    usual, its_rate = ENCODERS[container]
    name, channels = codec or usual, len(sound)
    layout = av.AudioLayout(LAYOUTS[channels])
    file = BytesIO()
    with av.open(file, "w", format=MUXERS.get(container, container), options=options or {}) as output:
        stream = output.add_stream(name, rate=RATES.get(name, its_rate if codec is None else rate), layout=layout)
        assert isinstance(stream, AudioStream)
        if name in BIT_RATES:
            stream.bit_rate = BIT_RATES[name] * channels
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), format="s16", layout=layout)
        frame.rate = rate
        converter = av.AudioResampler(stream.codec_context.format, layout, stream.rate)
        fifo = AudioFifo()
        for piece in (*converter.resample(frame), *converter.resample(None)):
            fifo.write(piece)
        for whole in fifo.read_many(stream.codec_context.frame_size or 1024, partial=True):
            output.mux(stream.encode(whole))
        output.mux(stream.encode(None))
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
    body = b"\xe7\x88" + struct.pack(">Q", at) + _blocks(packets)
    return CLUSTER + struct.pack(">Q", len(body) | 1 << 56) + body


@cache
def _blocks(packets: int) -> bytes:
    return b"".join(_block(number * 120) for number in range(packets))


def _block(at: int) -> bytes:
    return b"\xa3\x86\x81" + struct.pack(">h", at) + b"\x80" + ONE_SIXTH_OF_SILENCE
