"""Audio containers, told apart by their first bytes; a client's word for it is not asked.

`FORMATS` is the one list of them. What ffmpeg calls them, and the codecs that are taken in each, stands beside it in
the decoder; tests hold every other place that names them to this list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

SNIFF_BYTES = 64
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
W64_HEADER = bytes.fromhex("726966662e91cf11a5d628db04c10000")


class Container(StrEnum):
    WEBM = "webm"
    OGG = "ogg"
    WAV = "wav"
    MP3 = "mp3"
    MP4 = "mp4"
    FLAC = "flac"
    AAC = "aac"
    AMR = "amr"
    CAF = "caf"
    AIFF = "aiff"
    AU = "au"
    W64 = "w64"
    WMA = "wma"


@dataclass(frozen=True, slots=True)
class Format:
    """What people call it, its media type and file endings, its usual bytes a second, and whether bytes start one."""

    name: str
    media_type: str
    endings: tuple[str, ...]
    bytes_a_second: int
    starts: Callable[[bytes], bool]


def _is_mpeg_audio(head: bytes) -> bool:
    """A frame header of layer II or III, or a tag before one."""
    if head[:3] == b"ID3":
        return len(head) >= 10 and head[3] < 0xFF and head[4] < 0xFF
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = (head[1] >> 3) & 3, (head[1] >> 1) & 3
    bitrate, rate = head[2] >> 4, (head[2] >> 2) & 3
    return version != 1 and layer in (1, 2) and bitrate not in (0, 15) and rate != 3


def _is_adts(head: bytes) -> bool:
    """A frame header of raw AAC: its rate is one of thirteen, and the frame is longer than the header."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return (head[2] >> 2) & 15 < 13 and length > 7


FORMATS = {
    Container.WEBM: Format(
        "WebM", "audio/webm", ("webm", "mka", "mkv"), 8_000, lambda head: head[:4] == b"\x1a\x45\xdf\xa3"
    ),
    Container.OGG: Format("Ogg", "audio/ogg", ("ogg", "oga", "opus", "spx"), 8_000, lambda head: head[:4] == b"OggS"),
    Container.WAV: Format(
        "WAV",
        "audio/wav",
        ("wav",),
        32_000,
        lambda head: head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE",
    ),
    Container.MP3: Format("MP3", "audio/mpeg", ("mp3", "mp2"), 16_000, _is_mpeg_audio),
    Container.MP4: Format(
        "MP4/M4A/3GP",
        "audio/mp4",
        ("mp4", "m4a", "3gp", "3g2", "mov"),
        12_000,
        lambda head: head[4:8] == b"ftyp",
    ),
    Container.FLAC: Format("FLAC", "audio/flac", ("flac",), 50_000, lambda head: head[:4] == b"fLaC"),
    Container.AAC: Format("AAC", "audio/aac", ("aac",), 12_000, _is_adts),
    Container.AMR: Format(
        "AMR", "audio/amr", ("amr", "awb"), 1_500, lambda head: head.startswith((b"#!AMR\n", b"#!AMR-WB\n"))
    ),
    Container.CAF: Format(
        "CAF", "audio/x-caf", ("caf",), 16_000, lambda head: head[:6] == b"caff\0\1" and head[8:12] == b"desc"
    ),
    Container.AIFF: Format(
        "AIFF",
        "audio/aiff",
        ("aiff", "aif", "aifc"),
        88_000,
        lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"),
    ),
    Container.AU: Format("AU", "audio/basic", ("au", "snd"), 16_000, lambda head: head[:4] == b".snd"),
    Container.W64: Format("W64", "audio/x-w64", ("w64",), 88_000, lambda head: head[:16] == W64_HEADER),
    Container.WMA: Format("WMA", "audio/x-ms-wma", ("wma",), 8_000, lambda head: head[:16] == ASF_HEADER),
}


def names() -> str:
    """All containers as one phrase: `WebM, Ogg, … or WMA`."""
    *most, last = (format.name for format in FORMATS.values())
    return f"{', '.join(most)} or {last}"


def estimated_seconds(container: Container, size: int) -> float:
    """How long a recording of so many bytes is likely to be, at the rate that is usual in its container."""
    return size / FORMATS[container].bytes_a_second


def sniff(head: bytes) -> Container | None:
    """The container that starts with these bytes, or None; pass SNIFF_BYTES where there are as many."""
    return next((container for container, format in FORMATS.items() if format.starts(head)), None)


class Sliced(Protocol):
    """Bytes, as far as their length is known and slices of them can be had."""

    def __len__(self) -> int: ...

    def __getitem__(self, wanted: "slice[Any, Any, Any]", /) -> bytes: ...


def container_of(data: Sliced) -> Container | None:
    """The container of a whole recording; a tag that was put before one is no container."""
    start = after_tags(data)
    behind = sniff(data[start : start + SNIFF_BYTES]) if start else None
    return behind or sniff(data[:SNIFF_BYTES])


def after_tags(data: Sliced) -> int:
    """Where the recording begins, behind the ID3 tags before it."""
    start = 0
    while data[start : start + 3] == b"ID3" and start + 10 <= len(data):
        start += 10 + _tag_size(data[start + 6 : start + 10])
    return start


def _tag_size(sevens: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(sevens, (21, 14, 7, 0), strict=True))
