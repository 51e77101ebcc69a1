"""What is in an Ogg stream, read by ffmpeg's demuxer."""

import io
from typing import NamedTuple

import av

from services.calls.packets.ogg import PRE_SKIP


class Written(NamedTuple):
    """A packet, and where its sound begins, in samples."""

    at: int
    packet: bytes


def written(stream: bytes) -> list[Written]:
    with av.open(io.BytesIO(stream), "r") as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    return [Written(int(packet.pts or 0) + PRE_SKIP, bytes(packet)) for packet in packets]
