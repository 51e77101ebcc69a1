"""What decodes a track: ffmpeg's own decoder; of Opus libopus, which conceals what a packet says is lost."""

from typing import TypeAlias, cast

from av import CodecContext
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from services.adapters.av_decoder.demuxers import OPUS

CONCEALING = "libopus"

Sent: TypeAlias = "Packet[AudioStream] | None"


class Coder:
    """Of one track."""

    def __init__(self, track: AudioStream) -> None:
        self._own = track.codec_context
        self._coder = _concealing(self._own)
        self._is_begun = False

    def decode(self, packet: Sent) -> list[AudioFrame]:
        """The packet's sound; FFmpegError where it has none. None brings what is left."""
        frames = self._coder.decode(packet)
        if frames and not self._is_begun:
            self._is_begun = True
            if packet is not None and self._coder is not self._own:
                _move_behind_what_is_dropped(packet, frames)
        return frames


def _concealing(own: AudioCodecContext) -> AudioCodecContext:
    if own.name not in OPUS or not own.extradata or not own.layout.nb_channels:
        return own
    coder = cast(AudioCodecContext, CodecContext.create(CONCEALING, "r"))
    coder.extradata, coder.sample_rate, coder.layout = own.extradata, own.sample_rate, own.layout
    coder.thread_count = 1
    return coder


def _move_behind_what_is_dropped(packet: "Packet[AudioStream]", frames: list[AudioFrame]) -> None:
    """A track's own decoder is told its time base, and does so itself."""
    first = frames[0]
    if first.pts is None or not packet.time_base or not packet.duration:
        return
    sounds = sum(frame.samples for frame in frames) / first.sample_rate
    dropped = packet.duration - round(sounds / float(packet.time_base))
    if dropped > 0:
        first.pts += dropped
