"""One recording out of its container, frame by frame, and what is wrong with it."""

import math
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet

from services.adapters.av_decoder import ends, mp4, sizes, webm
from services.adapters.av_decoder.coders import Coder, Sent
from services.adapters.av_decoder.demuxers import DEMUXERS, OPUS, Demuxer
from services.adapters.av_decoder.places import Entered, Places
from services.adapters.av_decoder.source import Source, as_file
from services.adapters.av_decoder.timeline import TOLERANCE, Timeline
from services.errors import AudioTooLong, AudioUnreadable
from services.recordings.formats import Container

LONGEST_QUIET_PACKET = 3  # bytes of Opus that say that nothing is sent for a while


class Reading:
    """Goes through a container once; its gaps, errors and end are told to the timeline's flaws."""

    def __init__(
        self,
        kind: Container,
        data: Source,
        timeline: Timeline,
        entered: Entered | None = None,
        places: Places | None = None,
    ) -> None:
        self.kind, self.data, self.timeline = kind, data, timeline
        self.entered, self.places = entered, places
        self.begins: float | None = None
        self.late: float | None = None
        self.flaws = timeline.flaws
        self.demuxer = DEMUXERS[kind]
        self.start = timeline.position
        self.packed = 0.0
        self.failed_at: float | None = None
        self.last: Sent = None
        self.is_pause = self.is_doubtful = False

    def __enter__(self) -> Self:
        try:
            self.container = _opened(self.data, self.demuxer)
            self.stream = _first_audio(self.container, self.demuxer.codecs)
            self.coder = Coder(self.stream)
            self.tick = float(self.stream.time_base or 0)
        except FFmpegError as error:
            raise AudioUnreadable from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.container.close()

    def frames(self) -> Iterator[tuple[float, AudioFrame]]:
        """Each with the seconds of silence that belong before it. AudioTooLong, AudioUnreadable."""
        for packet in self._packets():
            for number, frame in enumerate(self._decoded(packet)):
                seconds = frame.samples / frame.sample_rate
                silence = self._silence_before(frame, seconds)
                if packet is not None and not number:
                    self._sounds(packet, frame)
                yield silence, frame
                self.timeline.count(seconds)
            if packet is not None:
                self.is_pause = self.stream.codec_context.name in OPUS and packet.size <= LONGEST_QUIET_PACKET
        self._end()

    def _sounds(self, packet: "Packet[AudioStream]", frame: AudioFrame) -> None:
        """The first of a packet's sound comes now."""
        if self.places is not None:
            self.places.packet(packet.pos, self.timeline.position)
        if self.late is None and self.entered is not None:
            dropped = float((packet.duration or 0) * (packet.time_base or 0)) - frame.samples / frame.sample_rate
            self.late = self.entered.late(self.begins, _time(packet), frame.time, dropped)

    def _silence_before(self, frame: AudioFrame, seconds: float) -> float:
        if not self.demuxer.is_timed or frame.time is None or not math.isfinite(frame.time):
            return 0.0
        return self.timeline.silence_before(frame.time, seconds, self.is_pause)

    def _packets(self) -> Iterator[Sent]:
        """Damage ends none of it where something can be read behind."""
        before: Sent = None
        while True:
            try:
                for packet in self.container.demux(self.stream):
                    if packet.size:
                        self._count(packet)
                        yield packet
                break
            except FFmpegError:
                self.failed_at = self.timeline.position
            if self.last is before:
                break
            before = self.last
        yield None

    def _count(self, packet: "Packet[AudioStream]") -> None:
        """The length that packets claim is enough to end what is too long before it is decoded."""
        self._tell_failure()
        self.last = packet
        self.begins = _time(packet) if self.begins is None else self.begins
        self.packed += (packet.duration or 0) * self.tick
        if self.packed > self.timeline.most + TOLERANCE:
            raise AudioTooLong
        if packet.is_corrupt and self.kind not in ends.LINEAR:  # there it is as long as there was sound
            self.failed_at = self.timeline.position

    def _decoded(self, packet: Sent) -> list[AudioFrame]:
        try:
            return self.coder.decode(packet)
        except FFmpegError:
            self.failed_at = self.timeline.position
            return []

    def _tell_failure(self) -> None:
        """What fails before the end is damage; at the end it is the end that is missing."""
        if self.failed_at is not None:
            self.flaws.add("decode_errors", self.failed_at)
            self.failed_at = None

    def _end(self) -> None:
        missing = self._missing_seconds()
        read = 0 if self.last is None else (self.last.pos or 0) + webm.HEAD_OF_BLOCK + self.last.size
        self.is_doubtful = self._is_doubtful(read)
        lost = ends.missing_bytes(self.kind, self.data, read)
        if lost and self.kind in ends.LINEAR:
            missing = max(missing, lost * (self.timeline.position - self.start) / len(self.data))
        is_cut = self.kind is Container.MP3 and self.last is not None and not ends.is_whole_frame(bytes(self.last))
        if lost or missing > ends.LEAST_SECONDS or self.failed_at is not None or is_cut:
            self.flaws.add("truncated", self.timeline.position, missing if missing > ends.LEAST_SECONDS else None)

    def _is_doubtful(self, read: int) -> bool:
        """Whether there is more in the file than ffmpeg found, as far as the containers that can be mended tell.

        Of what is not all here only sizes are mended.
        """
        if self.kind in sizes.PATCHES:
            return sizes.are_wrong(self.kind, self.data)
        if not isinstance(self.data, bytes):
            return False
        if self.kind is Container.MP4:
            return mp4.is_damaged(self.data)
        return self.kind is Container.WEBM and webm.unread(self.data, read) > 0

    def _missing_seconds(self) -> float:
        if self.entered is not None and self.entered.before and self.kind is not Container.WAV:
            return 0.0  # what a head says of the whole says nothing of the rest
        if self.stream.duration is None or self.stream.time_base is None or not ends.declares(self.kind, self.data):
            return 0.0
        return float(self.stream.duration * self.stream.time_base) - (self.timeline.position - self.start)


def _opened(data: Source, demuxer: Demuxer) -> InputContainer:
    return av.open(as_file(data), "r", format=demuxer.name, options=demuxer.options, metadata_errors="ignore")


def _time(packet: "Packet[AudioStream]") -> float | None:
    return None if packet.pts is None or packet.time_base is None else float(packet.pts * packet.time_base)


def _first_audio(container: InputContainer, codecs: tuple[str, ...]) -> AudioStream:
    """The first track of a codec that is taken; for some tracks ffmpeg knows no codec at all."""
    tracks = (track for track in container.streams.audio if track.codec_context is not None)
    track = next((track for track in tracks if track.codec_context.name in codecs), None)
    if track is None:
        raise AudioUnreadable
    track.codec_context.thread_count = 1
    return track
