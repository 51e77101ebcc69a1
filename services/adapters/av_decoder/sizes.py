"""Recordings in chunks that say nothing of how long they are, or too little: their head was written before their
sound, and nobody went back to it.

ffmpeg hears as much as is said, or opens nothing. Here what is said is put right, and all that is there is heard. What
says that it is longer than it is was cut off, and stays as it is.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.adapters.av_decoder.source import Source, patched, unpacked
from services.recordings.formats import Container

MOST_CHUNKS = 1000
LONGEST_TABLE = 8 * 1024 * 1024
NAME = re.compile(rb"[ -~]{4}")
W64_SOUND = b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
# Sizes from here on are what recorders write who do not know it yet.
UNKNOWN, UNKNOWN_OF_EIGHT = 0x7FFFFF00, 1 << 62

Patches = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Layout:
    """How chunks are written: where the first is, the name of that with sound, and the form of a size.

    A size may count the chunk's own head too; chunks begin at multiples of `align`.
    """

    first: int
    sound: bytes
    size: str
    unknown: int = UNKNOWN
    counts_head: bool = False
    align: int = 1

    @property
    def head(self) -> int:
        return len(self.sound) + struct.calcsize(self.size)


@dataclass(frozen=True, slots=True)
class Chunk:
    """`end` is as its size says, wherever that lies; its content begins at `body`."""

    name: bytes
    start: int
    body: int
    size: int
    end: int


WAV = Layout(12, b"data", "<I", align=2)
AIFF = Layout(12, b"SSND", ">I", align=2)
W64 = Layout(40, W64_SOUND, "<Q", UNKNOWN_OF_EIGHT, counts_head=True, align=8)
CAF = Layout(8, b"data", ">Q", UNKNOWN_OF_EIGHT)


def are_wrong(kind: Container, data: Source) -> bool:
    """Whether there is more sound than is said, or nothing is said of it in a way that ffmpeg takes."""
    return bool(_patches(kind, data))


def mended(kind: Container, data: Source) -> Source:
    """The same recording, with sizes that let all of it be heard."""
    patches = _patches(kind, data)
    return patched(data, patches) if patches else data


def _patches(kind: Container, data: Source) -> Patches:
    """What is to be written where, as far as it does not stand there."""
    try:
        found = PATCHES[kind](data)
    except struct.error:
        return {}
    return {at: right for at, right in found.items() if data[at : at + len(right)] != right}


def _wav(data: Source) -> Patches:
    if data[:4] == b"RF64":
        return _rf64(data)
    sound = _chunk_of(WAV, data, WAV.sound)
    if sound is None or not _goes_on(WAV, data, sound):
        return {}
    return {4: b"\xff" * 4, sound.start + 4: b"\xff" * 4}


def _rf64(data: Source) -> Patches:
    """Its sizes stand in a chunk of their own."""
    sizes, sound = _chunk_of(WAV, data, b"ds64"), _chunk_of(WAV, data, WAV.sound)
    if sizes is None or sound is None:
        return {}
    size = unpacked("<Q", data, sizes.body + 8)[0]
    told = Chunk(sound.name, sound.start, sound.body, size, sound.body + size + size % 2)
    if not _goes_on(WAV, data, told, UNKNOWN_OF_EIGHT):
        return {}
    return {sizes.body: struct.pack("<QQQ", len(data) - 8, len(data) - sound.body, 0)}


def _aiff(data: Source) -> Patches:
    sound, common = _chunk_of(AIFF, data, AIFF.sound), _chunk_of(AIFF, data, b"COMM")
    if sound is None or common is None:
        return {}
    frames = {common.body + 2: bytes(4)}
    if _goes_on(AIFF, data, sound):
        return {4: _size(AIFF, len(data) - 8), sound.start + 4: _size(AIFF, len(data) - sound.body), **frames}
    form, told = unpacked(">I", data, 4)[0], unpacked(">I", data, common.body + 2)[0]
    end = sound.body + sound.size
    whole = {4: _size(AIFF, max(end, len(data)) - 8)} if form + 8 < end else {}
    return whole | (frames if told >= UNKNOWN else {})


def _w64(data: Source) -> Patches:
    sound = _chunk_of(W64, data, W64.sound)
    if sound is None:
        return {}
    if _goes_on(W64, data, sound):
        return {16: _size(W64, len(data)), sound.start + 16: _size(W64, len(data) - sound.start)}
    end, told = sound.start + sound.size, unpacked("<Q", data, 16)[0]
    return {16: _size(W64, max(end, len(data)))} if told < end or told >= W64.unknown else {}


def _caf(data: Source) -> Patches:
    sound = _chunk_of(CAF, data, CAF.sound)
    if sound is None or not _goes_on(CAF, data, sound):
        return {}
    tail = max(sound.body, len(data) - LONGEST_TABLE)
    table = tail + data[tail:].rfind(b"pakt")  # of what has packets it says where they lie, behind them
    if table > tail and _leads_to_the_end(CAF, data, table):
        return {sound.start + 4: _size(CAF, table - sound.body)}
    return {sound.start + 4: b"\xff" * 8}


def _au(data: Source) -> Patches:
    size = unpacked(">I", data, 8)[0]
    return {8: b"\xff" * 4} if size >= UNKNOWN else {}


PATCHES = {
    Container.WAV: _wav,
    Container.AIFF: _aiff,
    Container.W64: _w64,
    Container.CAF: _caf,
    Container.AU: _au,
}


def _goes_on(layout: Layout, data: Source, sound: Chunk, unknown: int | None = None) -> bool:
    """Whether sound goes on to the end: nothing is said of its end, or what follows there is no chunk."""
    if sound.size >= (unknown or layout.unknown):
        return True
    return len(data) - sound.end >= layout.head and _follows(layout, data, sound.end) is None


def _follows(layout: Layout, data: Source, at: int) -> Chunk | None:
    """The chunk that begins here, if one does that ends where there is still something, or at the end."""
    found = _read(layout, data, at)
    if found is None or found.end >= len(data) + layout.align or found.end < found.body:
        return None
    return found if len(found.name) > 4 or NAME.fullmatch(found.name) else None


def _leads_to_the_end(layout: Layout, data: Source, at: int) -> bool:
    while (found := _follows(layout, data, at)) is not None:
        at = found.end
    return at >= len(data)


def _chunk_of(layout: Layout, data: Source, name: bytes) -> Chunk | None:
    return next((chunk for chunk in _chunks(layout, data) if chunk.name == name), None)


def _chunks(layout: Layout, data: Source) -> Iterator[Chunk]:
    at = layout.first
    for _ in range(MOST_CHUNKS):
        if (found := _read(layout, data, at)) is None:
            return
        yield found
        if found.end <= at:
            return
        at = found.end


def _read(layout: Layout, data: Source, at: int) -> Chunk | None:
    """The chunk whose head is here."""
    body = at + layout.head
    if body > len(data):
        return None
    name = data[at : at + len(layout.sound)]
    size = unpacked(layout.size, data, at + len(name))[0]
    end = (at if layout.counts_head else body) + size
    return Chunk(name, at, body, size, end + -end % layout.align)


def _size(layout: Layout, size: int) -> bytes:
    return struct.pack(layout.size, size)
