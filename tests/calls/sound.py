"""Sounds that tell where in a stream they are, coded to Opus and decoded again."""

import io
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from services.calls.packets.opus import RATE

Samples = npt.NDArray[np.float32]
SPEECH_BAND = 6000


def murmur(seconds: float, seed: int = 1) -> Samples:
    """Noise of a voice's band in syllables of a fifth of a second: at no two places alike."""
    generator = np.random.default_rng(seed)
    count = int(seconds * RATE)
    noise = generator.standard_normal(count)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(count, 1 / RATE) > SPEECH_BAND] = 0
    loudness = np.repeat(generator.uniform(0.02, 1.0, count // 9600 + 1), 9600)[:count]
    sound = np.fft.irfft(spectrum, count) * loudness
    loudest: Samples = (0.3 * sound / np.abs(sound).max()).astype(np.float32)
    return loudest


def coded(
    sound: Samples, *, milliseconds: str = "20", application: str = "voip", bit_rate: int = 24_000
) -> list[bytes]:
    """Opus packets of it, as a sender's encoder makes them."""
    coder: Any = av.CodecContext.create("libopus", "w")
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = RATE, "mono", "flt", bit_rate
    coder.options = {"frame_duration": milliseconds, "application": application}
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    fifo = av.AudioFifo()
    coder.open()
    fifo.write(frame)
    pieces = iter(lambda: fifo.read(int(float(milliseconds) * RATE / 1000)), None)
    return [bytes(packet) for piece in pieces for packet in coder.encode(piece)]


def decoded(stream: bytes) -> Samples:
    """What a player hears of an Ogg stream."""
    with av.open(io.BytesIO(stream), "r") as container:
        frames = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.float32) if frames else np.zeros(0, np.float32)


def displacement(heard: Samples, truth: Samples, at: float, *, seconds: float = 2.0, most: float = 0.15) -> float:
    """By how many seconds what is heard at a place comes later than it should."""
    begin, size, reach = int(at * RATE), int(seconds * RATE), int(most * RATE)
    wanted = truth[begin : begin + size]
    around = heard[max(0, begin - reach) : begin + size + reach]
    length = 1 << int(np.ceil(np.log2(len(wanted) + len(around))))
    product = np.fft.irfft(np.fft.rfft(around, length) * np.conj(np.fft.rfft(wanted, length)), length)
    valid = product[: len(around) - len(wanted) + 1]
    return float((int(np.argmax(valid)) - min(begin, reach)) / RATE)
