"""Fragments of MP4 whose head says what cannot be, because it is damaged: of these ffmpeg reads no more, or nothing.

What most fragments of a recording hold to is asked of each.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

PARTS = {b"mfhd", b"traf", b"pssh", b"free", b"skip", b"uuid", b"udta", b"meta"}
HEAD, FULL = 8, 12  # bytes of a box's head, and with its version and flags
BASE, DESCRIPTION, DURATION, SIZE, FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
RUN_OFFSET, RUN_FIRST, RUN_DURATION, RUN_SIZE, RUN_FLAGS, RUN_TIME = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800
MOST_BEYOND = 10  # usual fragments


@dataclass(frozen=True, slots=True)
class Box:
    name: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds of a track's samples where nothing else is said."""

    duration: int
    size: int


@dataclass(slots=True)
class Told:
    """Of a track's samples in a fragment: when they begin, how long they last, how many bytes they have and where."""

    begins: int | None = None
    lasts: int = 0
    size: int = 0
    offsets: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fragment:
    """When it begins and how long it lasts, in ticks of its first track; one that cannot be is not `is_right`."""

    start: int
    is_right: bool
    begins: int | None = None
    lasts: int = 0


def wrong(data: bytes, boxes: Sequence[Box]) -> set[int]:
    """Where those begin, among the boxes of a recording; none where most would be."""
    index = next((box for box in boxes if box.name == b"moov"), None)
    if index is None:
        return set()
    tracks = dict(_tracks(data, index))
    found = [_fragment(data, box, following, tracks) for box, following in pairwise(boxes) if box.name == b"moof"]
    right = [each for each in found if each.is_right]
    if 2 * len(right) <= len(found):
        return set()
    return {each.start for each in found if not each.is_right} | set(_out_of_time(right))


def inside(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in another one; ValueError where they do not fill it."""
    while start < end:
        size, name = struct.unpack_from(">I4s", data, start)
        if size < HEAD or start + size > end:
            raise ValueError(name)
        yield Box(name, start, start + size)
        start += size


def _tracks(data: bytes, index: Box) -> Iterator[tuple[int, Usual]]:
    try:
        for extends in _named(data, index, b"mvex"):
            for usual in _named(data, extends, b"trex"):
                track, _, duration, size = struct.unpack_from(">4I", data, usual.start + FULL)
                yield track, Usual(duration, size)
    except (struct.error, ValueError):
        return


def _named(data: bytes, box: Box, name: bytes) -> Iterator[Box]:
    return (each for each in inside(data, box.start + HEAD, box.end) if each.name == name)


def _fragment(data: bytes, box: Box, following: Box, tracks: dict[int, Usual]) -> Fragment:
    try:
        told = [_told(data, track, tracks) for track in _named(data, box, b"traf")]
    except (struct.error, ValueError, KeyError):
        return Fragment(box.start, is_right=False)
    if not told:
        return Fragment(box.start, is_right=False)
    is_right = following.name != b"mdat" or _fit(data, box, following, told)
    return Fragment(box.start, is_right, told[0].begins, told[0].lasts)


def _fit(data: bytes, box: Box, sound: Box, told: Sequence[Told]) -> bool:
    """Whether the samples lie in the sound behind the fragment's head, and are all of it."""
    size = int.from_bytes(data[sound.start : sound.start + 4])
    if size < HEAD:  # it says it otherwise than most
        return True
    first = sound.start + HEAD - box.start
    are_inside = all(first <= offset <= first + size - HEAD for each in told for offset in each.offsets)
    return are_inside and sum(each.size for each in told) == size - HEAD


def _told(data: bytes, track: Box, tracks: dict[int, Usual]) -> Told:
    told, usual, is_based = Told(), None, False
    for box in inside(data, track.start + HEAD, track.end):
        match box.name:
            case b"tfhd":
                usual, is_based = _usual(data, box, tracks)
            case b"tfdt":
                told.begins = struct.unpack_from(">Q" if data[box.start + HEAD] else ">I", data, box.start + FULL)[0]
            case b"trun" if usual is not None:
                _run(data, box, usual, told)
            case b"trun":
                raise ValueError(box.name)
    if usual is None:
        raise ValueError(track.name)
    return replace(told, offsets=[]) if is_based else told


def _usual(data: bytes, box: Box, tracks: dict[int, Usual]) -> tuple[Usual, bool]:
    """And whether offsets are from another place than the fragment's beginning."""
    flags, track = struct.unpack_from(">II", data, box.start + HEAD)
    usual, at = tracks[track], box.start + FULL + 4 + (8 if flags & BASE else 0) + (4 if flags & DESCRIPTION else 0)
    duration, size = usual.duration, usual.size
    if flags & DURATION:
        (duration,), at = struct.unpack_from(">I", data, at), at + 4
    if flags & SIZE:
        (size,), at = struct.unpack_from(">I", data, at), at + 4
    if at + (4 if flags & FLAGS else 0) != box.end:
        raise ValueError(box.name)
    return Usual(duration, size), bool(flags & BASE)


def _run(data: bytes, box: Box, usual: Usual, told: Told) -> None:
    """Tell of its samples too; ValueError where it is not as long as it says."""
    flags, count = struct.unpack_from(">II", data, box.start + HEAD)
    said = [bool(flags & each) for each in (RUN_DURATION, RUN_SIZE, RUN_FLAGS, RUN_TIME)]
    at, each = box.start + FULL + 4, 4 * sum(said)
    if flags & RUN_OFFSET:
        told.offsets.append(struct.unpack_from(">i", data, at)[0])
        at += 4
    at += 4 if flags & RUN_FIRST else 0
    if at + count * each != box.end:
        raise ValueError(box.name)
    told.lasts += _column(data, at, count, each, 0) if said[0] else count * usual.duration
    told.size += _column(data, at, count, each, 4 * said[0]) if said[1] else count * usual.size


def _column(data: bytes, at: int, count: int, each: int, place: int) -> int:
    return sum(struct.unpack_from(">I", data, at + number * each + place)[0] for number in range(count))


def _out_of_time(fragments: Sequence[Fragment]) -> Iterator[int]:
    """Those that begin outside of what is between their neighbours, or last far beyond what follows them."""
    timed = [each for each in fragments if each.begins is not None]
    most = MOST_BEYOND * median([each.lasts for each in timed] or [0])
    for one, following in pairwise(timed):
        if _begins(one) + one.lasts > _begins(following) + most and _begins(one) <= _begins(following):
            yield one.start
    for before, one, behind in zip(timed, timed[1:], timed[2:], strict=False):
        if _begins(before) <= _begins(behind) and not _begins(before) <= _begins(one) <= _begins(behind):
            yield one.start


def _begins(fragment: Fragment) -> int:
    return fragment.begins or 0
