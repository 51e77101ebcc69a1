"""Encoded bytes in, samples out. Container and codec are chosen here, never by what the bytes suggest."""

import math
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import TypeAlias

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet

from services.adapters.av_decoder.demuxers import DEMUXERS, Demuxer
from services.adapters.av_decoder.wire import RATE
from services.errors import AudioTooLong, AudioUnreadable
from services.formats import container_of
from services.transcript import Flaw

SLOWEST, FASTEST, MOST_CHANNELS = 4_000, 384_000, 8
TOLERANCE = 0.5

Give = Callable[[bytes], None]
Shape = tuple[str, str, int]
Sent: TypeAlias = "Packet[AudioStream] | None"


def decode(data: bytes, most_seconds: float, give: Give) -> tuple[Flaw, ...]:
    """Hand over the first audio track as blocks of 16-bit mono at 16 kHz; returns its flaws.

    AudioTooLong as soon as the cap is passed, AudioUnreadable where there is no sound.
    """
    kind = container_of(data)
    if kind is None:
        raise AudioUnreadable
    demuxer = DEMUXERS[kind]
    try:
        with av.open(
            BytesIO(data), "r", format=demuxer.name, options=demuxer.options, metadata_errors="ignore"
        ) as container:
            return _Reading(container, demuxer, most_seconds, give).run()
    except FFmpegError as error:
        raise AudioUnreadable from error


class _Reading:
    """One pass over a container, which counts what it sees."""

    def __init__(self, container: InputContainer, demuxer: Demuxer, most_seconds: float, give: Give) -> None:
        self.container = container
        self.stream = _first_audio(container, demuxer.codecs)
        self.most = most_seconds + TOLERANCE
        self.give = give
        self.packed = self.end = self.decoded = 0.0
        self.damaged = False
        self.mixer: _Mixer | None = None

    def run(self) -> tuple[Flaw, ...]:
        for packet in self._packets():
            self._count(packet)
            for frame in self._frames(packet):
                self._take(frame)
        if self.mixer is not None:
            self.mixer.finish()
        return self._flaws()

    def _packets(self) -> Iterator[Sent]:
        try:
            for packet in self.container.demux(self.stream):
                if packet.size:
                    yield packet
        except FFmpegError:
            self.damaged = True
        yield None

    def _count(self, packet: Sent) -> None:
        if packet is None or packet.time_base is None:
            return
        seconds = float((packet.duration or 0) * packet.time_base)
        self.packed += seconds
        if packet.pts is not None:
            self.end = float(packet.pts * packet.time_base) + seconds
        self.damaged = self.damaged or packet.is_corrupt
        self._check(self.packed)

    def _frames(self, packet: Sent) -> list[AudioFrame]:
        try:
            return self.stream.codec_context.decode(packet)
        except FFmpegError:
            self.damaged = True
            return []

    def _take(self, frame: AudioFrame) -> None:
        self.decoded += frame.samples / frame.sample_rate
        self._check(self.decoded)
        if self.mixer is None or self.mixer.shape != _shape(frame):
            if self.mixer is not None:
                self.mixer.finish()
            self.mixer = _Mixer(_shape(frame), self.give)
        self.mixer.take(frame)

    def _check(self, seconds: float) -> None:
        if seconds > self.most:
            raise AudioTooLong

    def _flaws(self) -> tuple[Flaw, ...]:
        gap = self.packed > 0 and abs(self.end - self.packed) > TOLERANCE
        return tuple(Flaw(code=name) for name, holds in (("gap", gap), ("decode_errors", self.damaged)) if holds)


class _Mixer:
    """Frames of one shape in, a second at a time out as 16-bit mono at 16 kHz."""

    def __init__(self, shape: Shape, give: Give) -> None:
        _, channels, self.rate = self.shape = shape
        if not SLOWEST <= self.rate <= FASTEST or AudioLayout(channels).nb_channels > MOST_CHANNELS:
            raise AudioUnreadable
        self.give = give
        self.fifo = AudioFifo()
        self.resampler = AudioResampler(format="s16", layout="mono", rate=RATE)

    def take(self, frame: AudioFrame) -> None:
        frame.pts = None
        self.fifo.write(frame)
        while (second := self.fifo.read(self.rate)) is not None:
            self._resample(second)

    def finish(self) -> None:
        if (rest := self.fifo.read()) is not None:
            self._resample(rest)
        self._resample(None)

    def _resample(self, block: AudioFrame | None) -> None:
        if block is not None and not _is_finite(block):
            raise AudioUnreadable
        for mono in self.resampler.resample(block):
            self.give(bytes(memoryview(mono.planes[0])[: 2 * mono.samples]))


def _shape(frame: AudioFrame) -> Shape:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _first_audio(container: InputContainer, codecs: tuple[str, ...]) -> AudioStream:
    stream = next(iter(container.streams.audio), None)
    if stream is None or stream.codec_context.name not in codecs:
        raise AudioUnreadable
    stream.codec_context.thread_count = 1
    return stream


FLOATS = {"flt": "f4", "fltp": "f4", "dbl": "f8", "dblp": "f8"}


def _is_finite(block: AudioFrame) -> bool:
    kind = FLOATS.get(block.format.name)
    if kind is None:
        return True
    return all(math.isfinite(np.abs(np.frombuffer(memoryview(plane), kind)).max()) for plane in block.planes)
