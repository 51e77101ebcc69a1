"""Audio containers, told apart by their first bytes; a client's word for it is not asked."""

from enum import StrEnum

SNIFF_BYTES = 64


class Container(StrEnum):
    WEBM = "webm"
    OGG = "ogg"
    WAV = "wav"
    MP3 = "mp3"
    MP4 = "mp4"
    FLAC = "flac"


MEDIA_TYPES = {
    Container.WEBM: "audio/webm",
    Container.OGG: "audio/ogg",
    Container.WAV: "audio/wav",
    Container.MP3: "audio/mpeg",
    Container.MP4: "audio/mp4",
    Container.FLAC: "audio/flac",
}


USUAL_BYTES_A_SECOND = {
    Container.WEBM: 8_000,
    Container.OGG: 8_000,
    Container.WAV: 32_000,
    Container.MP3: 16_000,
    Container.MP4: 12_000,
    Container.FLAC: 50_000,
}


def estimated_seconds(container: Container, size: int) -> float:
    """How long a recording of so many bytes is likely to be, at the rate that is usual in its container."""
    return size / USUAL_BYTES_A_SECOND[container]


def sniff(head: bytes) -> Container | None:
    """The container that starts with these bytes, or None; pass SNIFF_BYTES where there are as many."""
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return Container.WEBM
    if head[:4] == b"OggS":
        return Container.OGG
    if head[:4] == b"fLaC":
        return Container.FLAC
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return Container.WAV
    if head[4:8] == b"ftyp":
        return Container.MP4
    return Container.MP3 if _is_mp3(head) else None


def _is_mp3(head: bytes) -> bool:
    if head[:3] == b"ID3":
        return len(head) >= 10 and head[3] < 0xFF and head[4] < 0xFF
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = (head[1] >> 3) & 3, (head[1] >> 1) & 3
    bitrate, rate = head[2] >> 4, (head[2] >> 2) & 3
    return version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3
