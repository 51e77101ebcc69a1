"""MP4 with a hole in it, made readable behind the hole as well.

ffmpeg goes from box to box and ends where none follows, or where a fragment's head says what cannot be. Here the
damaged fragment is blanked, so that the next one follows; where a file has no fragments, the sound is cut short so that
what says where it lies is found.
"""

import re
import struct
from collections.abc import Iterator

from services.adapters.av_decoder.fragments import PARTS, Box, wrong

NAMES = {
    b"ftyp",
    b"styp",
    b"moov",
    b"moof",
    b"mdat",
    b"free",
    b"skip",
    b"wide",
    b"sidx",
    b"mfra",
    b"uuid",
    b"emsg",
    b"prft",
}
FRAGMENT = re.compile(rb"(?=.{4}moof.{4}mfhd)", re.DOTALL)
INDEX = re.compile(rb"(?=.{4}moov.{4}mvhd)", re.DOTALL)
MOST_PARTS = 32  # of a fragment's head; recorders write two or three


def is_damaged(data: bytes) -> bool:
    """Whether boxes do not follow upon each other, or a fragment's head is none."""
    return any(_is_damaged(data, box) for box in boxes(data))


def mended(data: bytes) -> bytes:
    """The same bytes, with damaged fragments blanked; unchanged where there are none."""
    whole = bytearray(data)
    before: Box | None = None
    found, readable = list(boxes(data)), _Readable(data)
    for start in wrong(data, [box for box in found if not _is_damaged(data, box)]):
        whole[start + 4 : start + 8] = b"free"
    for box in found:
        if _is_damaged(data, box):
            following = readable.behind(box.start + 8)
            if following is None:
                break
            if before is not None and before.name == b"moof" and box.name != b"moof":
                whole[before.start + 4 : before.start + 8] = b"free"
            name = box.name if INDEX.match(data, following) else b"free"
            whole[box.start : box.start + 8] = struct.pack(">I4s", following - box.start, name)
        before = box
    return data if whole == data else bytes(whole)


def boxes(data: bytes, at: int = 0) -> Iterator[Box]:
    """The boxes of the file; behind damage, from the next that can be told."""
    readable = _Readable(data)
    while at + 8 <= len(data):
        box = _box(data, at)
        yield box
        at = box.end
        if _is_damaged(data, box):
            following = readable.behind(box.start + 8)
            if following is None:
                return
            at = following


def _box(data: bytes, at: int) -> Box:
    size, name = struct.unpack_from(">I4s", data, at)
    if size == 1 and at + 16 <= len(data):
        size = struct.unpack_from(">Q", data, at + 8)[0]
    return Box(name, at, len(data) if size == 0 else at + max(8, size))


def _is_damaged(data: bytes, box: Box) -> bool:
    """It is none, it ends where none begins, it is to go on to the end and has fragments in it, or it is a fragment's
    head whose inside does not fit.
    """
    if box.name not in NAMES or (box.name == b"moof" and not _fits(data, box)):
        return True
    if box.end == len(data):
        return data[box.start : box.start + 4] == bytes(4) and FRAGMENT.search(data, box.start + 8) is not None
    return data[box.end + 4 : box.end + 8] not in NAMES


def _fits(data: bytes, box: Box) -> bool:
    at = box.start + 8
    for _ in range(MOST_PARTS):
        if not (at + 8 <= box.end <= len(data) and data[at + 4 : at + 8] in PARTS):
            break
        at = _box(data, at).end
    return at == box.end


class _Readable:
    """Where a recording can be read again behind damage, which is asked about in order: the next fragment, or, where
    there is none any more, an index.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._has_fragments = True

    def behind(self, at: int) -> int | None:
        fragment = FRAGMENT.search(self._data, at) if self._has_fragments else None
        self._has_fragments = fragment is not None
        found = fragment or INDEX.search(self._data, at)
        return found.start() if found else None
