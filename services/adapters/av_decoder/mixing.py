"""Frames of one shape in, 16-bit mono at 16 kHz out, a second at a time."""

import math
from collections.abc import Callable

import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from services.adapters.av_decoder.channels import Copies, Measure, Mix, Samples, only
from services.adapters.av_decoder.protocol import RATE
from services.errors import AudioUnreadable

SLOWEST, FASTEST, MOST_CHANNELS = 4_000, 384_000, 8
FLOATS = {"flt": "f4", "fltp": "f4", "dbl": "f8", "dblp": "f8"}

Give = Callable[[bytes], None]
Shape = tuple[str, str, int]


def shape_of(frame: AudioFrame) -> Shape:
    return frame.format.name, frame.layout.name, frame.sample_rate


class Mixer:
    """With a mix, that is made. Without one channels are averaged, and `wanted` says at the end what were better.

    Where one channel is wanted, that is the mix; `is_one` says at the end that there was no other.
    """

    def __init__(self, first: AudioFrame, give: Give, mix: Mix | None, measures: bool, channel: int | None) -> None:
        form, _, self.rate = self.shape = shape_of(first)
        channels = first.layout.nb_channels
        if not SLOWEST <= self.rate <= FASTEST or not 1 <= channels <= MOST_CHANNELS:
            raise AudioUnreadable
        self.form, self.layout = form, first.layout
        self.give = give
        self.fifo = AudioFifo()
        self.channels = channels
        self.resampler = AudioResampler(format="s16", layout="mono" if channels == 1 else first.layout, rate=RATE)
        self.measure = Measure(channels) if measures and channels > 1 and channel is None else None
        self.channel, self.copies = channel, None if channel is None or channels == 1 else Copies()
        self.mix = mix or (None if channel is None else only(channel, channels))
        self.late = np.zeros((channels, 0), np.int16)

    @property
    def is_one(self) -> bool:
        """Whether one channel was wanted, and all are the same."""
        return self.channel is not None and (self.copies is None or self.copies.are_all)

    @property
    def wanted(self) -> Mix | None:
        silent = only(self.channels, self.channels)
        if self.is_one and self.channel and self.mix != silent:
            return silent
        if self.measure is None:
            return None
        mix = self.measure.mix()
        return None if mix.is_mean else mix

    def take(self, frame: AudioFrame) -> None:
        frame.pts = None
        self.fifo.write(frame)
        while (second := self.fifo.read(self.rate)) is not None:
            self._resample(second)

    def silence(self, seconds: float) -> None:
        left = round(seconds * self.rate)
        while left > 0:
            frame = AudioFrame(self.form, self.layout, min(left, self.rate))
            frame.sample_rate = self.rate
            for plane in frame.planes:
                plane.update((b"\x80" if self.form.startswith("u8") else b"\0") * plane.buffer_size)
            self.take(frame)
            left -= frame.samples

    def finish(self) -> None:
        if (rest := self.fifo.read()) is not None:
            self._resample(rest)
        self._resample(None)
        if self.mix is not None:
            self._mixed(self.mix, np.zeros((len(self.late), max(self.mix.delays)), np.int16))

    def _resample(self, block: AudioFrame | None) -> None:
        if block is not None and not is_finite(block):
            raise AudioUnreadable
        for frame in self.resampler.resample(block):
            pcm = bytes(memoryview(frame.planes[0])[: 2 * self.channels * frame.samples])
            if self.channels == 1 and self.mix is None:
                self.give(pcm)
            else:
                self._take_channels(np.frombuffer(pcm, np.int16).reshape(-1, self.channels).T)

    def _take_channels(self, block: Samples) -> None:
        if self.measure is not None:
            self.measure.take(block)
        if self.copies is not None:
            self.copies.take(block)
        if self.mix is not None:
            self._mixed(self.mix, block)
        else:
            self.give(_as_pcm(block.mean(axis=0)))

    def _mixed(self, mix: Mix, block: Samples) -> None:
        """Each channel from as much later as it is late; what is not there of all yet waits."""
        whole = np.concatenate((self.late, block), axis=1)
        ready = max(0, whole.shape[1] - max(mix.delays))
        mono = np.zeros(ready)
        for weight, delay, row in zip(mix.weights, mix.delays, whole, strict=True):
            mono += weight * row[delay : delay + ready]
        self.give(_as_pcm(mono))
        self.late = whole[:, ready:]


def _as_pcm(mono: NDArray[np.float64]) -> bytes:
    pcm: bytes = np.clip(np.rint(mono), -32_768, 32_767).astype("<i2").tobytes()
    return pcm


def is_finite(block: AudioFrame) -> bool:
    kind = FLOATS.get(block.format.name)
    if kind is None:
        return True
    return all(math.isfinite(np.abs(np.frombuffer(memoryview(plane), kind)).max()) for plane in block.planes)
