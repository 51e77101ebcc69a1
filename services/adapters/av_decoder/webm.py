"""WebM with a hole in it, made readable behind the hole as well.

ffmpeg goes on at the next cluster, which may be half a minute later; here it is the next whole block.
Damaged bytes are blanked in their place, so that nothing moves.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

EBML, SEGMENT, CLUSTER, TIME = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xE7
BLOCK, GROUP, VOID = 0xA3, 0xA0, 0xEC
OPEN = (SEGMENT, CLUSTER)  # walked into, whatever size they claim
REST = (
    {EBML, TIME, VOID, 0xBF, 0xA7, 0xAB, 0x5854}  # of a cluster: its time, blanks, checksum, place, size before
    | {0x9B, 0xFB, 0x75A2}  # of a group, behind its block: how long it is, what it leans on, what of it to drop
    | {0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1043A770, 0x1254C367, 0x1941A469}  # of a segment
)
CANDIDATE = re.compile(rb"[\xa3\xa0]|\x1f\x43\xb6\x75", re.DOTALL)
HEAD = CLUSTER.to_bytes(4) + b"\xff\xe7\x88"
IN_A_ROW = 3
LEAST_HOLE = 2  # bytes: nothing that says nothing is shorter
LONGEST_BLOCK = 1 << 20
HEAD_OF_BLOCK = 4  # its track, time and flags


@dataclass(frozen=True, slots=True)
class Element:
    id: int
    start: int
    body: int
    end: int


def mended(data: bytes) -> bytes:
    """The same bytes, with what cannot be read blanked; unchanged where all of it can be."""
    holes = list(_holes(data))
    if not holes:
        return data
    whole, clusters = bytearray(data), _Clusters(data)
    for start, end in holes:
        whole[start:end] = _blank(end - start, _lost_time(data, end, clusters.before(start)))
    for element in elements(bytes(whole), 0):
        if element.id in OPEN:
            _forget_size(whole, element)
    return bytes(whole)


def unread(data: bytes, at: int) -> int:
    """How many bytes from here to the end are no elements."""
    return len(data) - max((element.end for element in elements(data, at)), default=at)


def is_cut(data: bytes, at: int) -> bool:
    """Whether an element begins behind this one that is longer than what is there."""
    last = len(data) - unread(data, at)
    return last < len(data) and (found := _number(data, last, 4)) is not None and found[0] in {BLOCK, GROUP, *REST}


def _holes(data: bytes) -> Iterator[tuple[int, int]]:
    """From the start of the last block before each damage, which it may have reached, to what can be read again."""
    at = 0
    while at < len(data):
        before = end = at
        for element in elements(data, at):
            before, end = (element.start if element.id in (BLOCK, GROUP) else element.end), element.end
        if end >= len(data):
            return
        at = _next(data, before + LEAST_HOLE)
        if at >= len(data):
            return
        yield before, at


def elements(data: bytes, at: int) -> Iterator[Element]:
    """The elements from here, as far as they are whole."""
    while (element := _element(data, at)) is not None:
        yield element
        at = element.end


def _next(data: bytes, at: int) -> int:
    """Where several elements can be read in a row again, or the file's end."""
    for candidate in CANDIDATE.finditer(data, at):
        if _is_sound(data, candidate.start()):
            return candidate.start()
    return len(data)


def _is_sound(data: bytes, at: int) -> bool:
    for _ in range(IN_A_ROW):
        element = _element(data, at)
        if element is None:
            return False
        at = element.end
        if at == len(data):
            return True
    return True


def _element(data: bytes, at: int) -> Element | None:
    if (found := _number(data, at, 4)) is None:
        return None
    id, size_at = found
    if (size := _number(data, size_at, 8)) is None:
        return None
    length, body = size
    if id in OPEN:
        return Element(id, at, body, body)
    length &= (1 << 7 * (body - size_at)) - 1
    if body + length > len(data) or not (id in REST or _is_block(data, id, body, length)):
        return None
    return Element(id, at, body, body + length)


def _is_block(data: bytes, id: int, body: int, length: int) -> bool:
    """A block names its track, one of the first few, and has a time; a group begins with one."""
    if id == GROUP:
        return length > 6 and data[body] in (0xA1, 0xFB, 0x9B, 0x75)
    return id == BLOCK and 4 < length < LONGEST_BLOCK and 0x81 <= data[body] <= 0x8F


def _number(data: bytes, at: int, longest: int) -> tuple[int, int] | None:
    """EBML's number of varying length, its mark included, and where it ends."""
    if at >= len(data) or not data[at]:
        return None
    end = at + 9 - data[at].bit_length()
    return (int.from_bytes(data[at:end]), end) if at + longest >= end <= len(data) else None


def _blank(length: int, time: int | None) -> bytes:
    """As many bytes that say nothing, but for the time of a cluster whose head is lost."""
    if time is not None and length >= len(HEAD) + 8 + 9:
        head = HEAD + time.to_bytes(8)
        return head + _blank(length - len(head), None)
    if length < 9:
        return b"\xec" + bytes([0x80 | length - 2]) + bytes(length - 2)
    return b"\xec\x01" + (length - 9).to_bytes(7) + bytes(length - 9)


def _lost_time(data: bytes, end: int, before: "_Begun") -> int | None:
    """The time of the cluster to which the blocks behind a hole belong, where it began in the hole.

    Blocks tell their time since their cluster's: if that has gone back, a new one began. The next cluster follows
    without a gap upon the last of these blocks.
    """
    behind, following = _times_until_cluster(data, end)
    if len(before.blocks) < 2 or len(behind) < 2 or behind[0] >= before.blocks[-1]:
        return None
    step = behind[-1] - behind[-2]
    known = following if following is not None else (before.time or 0) + before.blocks[-1] + behind[-1] + 2 * step
    return max(0, known - behind[-1] - step)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A cluster's time, and those of its blocks, as far as they are whole."""

    time: int | None
    blocks: list[int]


class _Clusters:
    """Those before the holes of a recording, which are asked about in order: each is gone through once."""

    def __init__(self, data: bytes) -> None:
        self._data, self._looked = data, 0
        self._known = _Begun(None, [])

    def before(self, at: int) -> _Begun:
        head = self._data.rfind(CLUSTER.to_bytes(4), max(0, self._looked - 3), at)
        self._looked = at
        if head >= 0 and (begun := _element(self._data, head)) is not None:
            self._known = _Begun(time_of(self._data, begun.body), _times_until_cluster(self._data, begun.body)[0])
        return self._known


def time_of(data: bytes, body: int) -> int | None:
    own = takewhile(lambda element: element.id != CLUSTER, elements(data, body))
    first = next((element for element in own if element.id == TIME), None)
    return int.from_bytes(data[first.body : first.end]) if first else None


def _times_until_cluster(data: bytes, at: int) -> tuple[list[int], int | None]:
    """Since their cluster, of the blocks from here on; and the time of the next cluster."""
    times: list[int] = []
    for element in elements(data, at):
        if element.id == CLUSTER:
            return times, time_of(data, element.body)
        body = element.body if element.id == BLOCK else _block_of(data, element)
        if body is not None:
            times.append(int.from_bytes(data[body + 1 : body + 3], signed=True))
    return times, None


def _block_of(data: bytes, group: Element) -> int | None:
    if group.id != GROUP or (inner := _number(data, group.body + 1, 8)) is None:
        return None
    return inner[1]


def _forget_size(whole: bytearray, element: Element) -> None:
    """Unknown: a cluster with a hole is shorter than it claims."""
    size_at = element.start + (4 if element.id in OPEN else 1)
    width = element.body - size_at
    whole[size_at : element.body] = ((1 << 7 * width + 1) - 1).to_bytes(width)
