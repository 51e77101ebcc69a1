"""WAV that says it is shorter than it is: its head was written before its sound, and nobody went back to it.

ffmpeg hears as much as is said. Here the length is made unknown, and all that is there is heard.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEAD, CHUNK = 12, 8
MOST_CHUNKS = 1000
NAME = re.compile(rb"[ -~]{4}")
UNKNOWN = b"\xff" * 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """`end` is as its size says, wherever that lies."""

    name: bytes
    start: int
    end: int


def says_too_little(data: bytes) -> bool:
    """Whether sound goes on behind its end: what follows there is no chunk."""
    sound = _sound(data)
    return sound is not None and len(data) - sound.end >= CHUNK and _chunk(data, sound.end) is None


def mended(data: bytes) -> bytes:
    """The same bytes, of unknown length where they say too little."""
    sound = _sound(data)
    if sound is None or not says_too_little(data):
        return data
    whole = bytearray(data)
    whole[4:8] = whole[sound.start + 4 : sound.start + CHUNK] = UNKNOWN
    return bytes(whole)


def _sound(data: bytes) -> Chunk | None:
    return next((chunk for chunk in _chunks(data) if chunk.name == b"data"), None) if data[:4] == b"RIFF" else None


def _chunks(data: bytes) -> Iterator[Chunk]:
    at = HEAD
    for _ in range(MOST_CHUNKS):
        if (found := _read(data, at)) is None:
            return
        yield found
        at = found.end


def _chunk(data: bytes, at: int) -> Chunk | None:
    """The chunk that begins here, if one does that ends where there is still something, or at the end."""
    found = _read(data, at)
    return found if found is not None and NAME.fullmatch(found.name) and found.end <= len(data) + 1 else None


def _read(data: bytes, at: int) -> Chunk | None:
    if at + CHUNK > len(data):
        return None
    size = int.from_bytes(data[at + 4 : at + CHUNK], "little")
    return Chunk(data[at : at + 4], at, at + CHUNK + size + size % 2)
