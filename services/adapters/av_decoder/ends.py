"""Whether a file ends where it says that it ends."""

import struct

from services.adapters.av_decoder import sizes, webm
from services.adapters.av_decoder.source import Source, unpacked
from services.recordings.formats import Container

LEAST_SECONDS = 0.1
LONGEST_PAGE = 65_307
LARGEST_TAIL = 8 * 1024 * 1024
DECLARED = (Container.FLAC, Container.MP4, Container.WAV, Container.AIFF, Container.AU, Container.CAF, Container.W64)
LINEAR = (Container.WAV, Container.AIFF, Container.AU, Container.CAF, Container.W64)
RATES = ((11_025, 12_000, 8_000), (), (22_050, 24_000, 16_000), (44_100, 48_000, 32_000))
BIT_RATES = {
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (2, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def missing_bytes(kind: Container, data: Source, read: int) -> int:
    """How many bytes are said to follow that are not there, at least; 0 where nothing says so. So many were read."""
    try:
        return max(0, _claimed(kind, data, read) - len(data))
    except struct.error:
        return 0


def declares(kind: Container, data: Source) -> bool:
    """Whether what ffmpeg takes for its duration is the recorder's word, not an estimate."""
    return kind in DECLARED or (kind is Container.MP3 and any(word in data[:8192] for word in (b"Xing", b"Info")))


def is_whole_frame(packet: bytes) -> bool:
    """Whether a frame of MP3 is as long as its head says."""
    if len(packet) < 4 or packet[0] != 0xFF:
        return True
    version, layer, bits, rate = packet[1] >> 3 & 3, packet[1] >> 1 & 3, packet[2] >> 4, packet[2] >> 2 & 3
    rates = BIT_RATES.get((version, layer) if version == 3 else (2, 1))
    if version == 1 or layer not in (1, 2) or rate == 3 or bits in (0, 15) or rates is None:
        return True
    samples = 1152 if version == 3 or layer == 2 else 576
    return len(packet) >= samples // 8 * rates[bits - 1] * 1000 // RATES[version][rate]


def _claimed(kind: Container, data: Source, read: int) -> int:
    match kind:
        case Container.WEBM:
            return len(data) + (len(data) - read < LARGEST_TAIL and webm.is_cut(data[read:], 0))
        case Container.OGG:
            return len(data) + _is_cut_ogg(data)
        case Container.MP4:
            return _end_of_boxes(data)
        case Container.WAV:
            return _known(8, unpacked("<I", data, 4)[0]) if data[:4] == b"RIFF" else _claimed_by_rf64(data)
        case Container.AIFF:
            return _known(8, unpacked(">I", data, 4)[0])
        case Container.AU:
            return _known(*unpacked(">II", data, 4))
        case Container.W64:
            return int(unpacked("<Q", data, 16)[0])
        case Container.CAF:
            return _end_of_chunks(data)
    return 0


def _known(before: int, size: int) -> int:
    return before + size if size < sizes.UNKNOWN else 0


def _claimed_by_rf64(data: Source) -> int:
    size = int(unpacked("<Q", data, 20)[0]) if data[12:16] == b"ds64" else 0
    return 8 + size if size < sizes.UNKNOWN_OF_EIGHT else 0


def _end_of_boxes(data: Source) -> int:
    at = 0
    while at + 8 <= len(data):
        size = unpacked(">I", data, at)[0]
        if size == 1:
            size = unpacked(">Q", data, at + 8)[0]
        if size < 8 or not data[at + 4 : at + 8].isalnum():
            return 0
        at += size
    return at


def _end_of_chunks(data: Source) -> int:
    at = 8
    while at + 12 <= len(data):
        size = unpacked(">q", data, at + 4)[0]
        if size < 0:
            return 0
        at += 12 + size
    return at


def _is_cut_ogg(data: Source) -> bool:
    """The last page is not whole, or not marked as the last."""
    end = data[-2 * LONGEST_PAGE :]
    at = end.rfind(b"OggS\0")
    if at < 0 or at + 27 > len(end):
        return True
    lengths = end[at + 27 : at + 27 + end[at + 26]]
    return at + 27 + len(lengths) + sum(lengths) > len(end) or not end[at + 5] & 4
