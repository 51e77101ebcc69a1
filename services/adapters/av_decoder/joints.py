"""Where one recording ends and the next begins in a file that was joined from several.

Recorders that stop and start again make them, and players read the first alone.
"""

import itertools
import re
from collections.abc import Iterator

from services.adapters.av_decoder.source import Source, matches
from services.recordings.formats import ASF_HEADER, W64_HEADER, Container, after_tags, sniff

MOST_PARTS = 15_000  # four hours in slices of a second, each a recording of its own; of more the last is not all heard

# How a file of each container begins, told more strictly than at the start: these bytes are looked for everywhere.
BEGINNINGS = {
    Container.WEBM: rb"\x1aE\xdf\xa3(?=.{0,64}?\x42\x82.(?:webm|matroska))",
    Container.WAV: rb"(?:RIFF|RF64)....WAVE(?=fmt |JUNK|bext|ds64|LIST|fact)",
    Container.MP4: rb"\0\0\0[\x10-\x80]ftyp(?=[ -~]{4})",
    Container.FLAC: rb"fLaC[\x00\x80]\0\0\x22",
    Container.AMR: rb"#!AMR(?:-WB)?\n",
    Container.CAF: rb"caff\0\x01..desc",
    Container.AIFF: rb"FORM....AIF[FC](?=COMM|FVER)",
    Container.AU: rb"\.snd\0\0\0[\x18-\xff]....\0\0\0[\x01-\x1b]",
    Container.W64: re.escape(W64_HEADER),
    Container.WMA: re.escape(ASF_HEADER),
}
OGG_PAGE = re.compile(rb"OggS\0(.)", re.DOTALL)
TAG = re.compile(rb"ID3[\x02-\x04]\0.([\0-\x7f]{4})", re.DOTALL)
COUNT_OF_FRAMES = re.compile(rb"(?:Xing|Info)\0\0\0", re.DOTALL)
BEFORE_COUNT = (36, 21, 13)  # bytes of a frame before it: of MPEG 1, stereo or mono, and of MPEG 2


def edges(kind: Container, data: Source) -> list[tuple[int, int]]:
    """Where the recordings lie that the file was joined from, in their order; most are one."""
    first = after_tags(data)
    begins = [at for at in _beginnings(kind, data) if at > first][: MOST_PARTS - 1]
    return list(itertools.pairwise([0, *begins, len(data)]))


def _beginnings(kind: Container, data: Source) -> Iterator[int]:
    if kind is Container.OGG:
        return _first_pages(data)
    if kind is Container.MP3:
        return _heads_of_mp3(data)
    if kind not in BEGINNINGS:
        return iter(())
    return (at for at, _ in matches(re.compile(BEGINNINGS[kind], re.DOTALL), data))


def _first_pages(data: Source) -> Iterator[int]:
    """Pages that begin a stream, behind pages that do not: tracks that play together begin together."""
    was_first = True
    for at, page in matches(OGG_PAGE, data):
        is_first = bool(page[1][0] & 2)
        if is_first and not was_first:
            yield at
        was_first = is_first


def _heads_of_mp3(data: Source) -> Iterator[int]:
    """Tags that stand before a frame, and frames that say how many there are, as only the first of a file does."""
    tagged = {end: start for start, end in _tags(data) if sniff(data[end : end + 4]) is Container.MP3}
    counts = {frame for at, _ in matches(COUNT_OF_FRAMES, data) if (frame := _frame_before(data, at)) is not None}
    return iter(sorted([*tagged.values(), *(counts - tagged.keys())]))


def _tags(data: Source) -> Iterator[tuple[int, int]]:
    for at, tag in matches(TAG, data):
        size = sum(byte << shift for byte, shift in zip(tag[1], (21, 14, 7, 0), strict=True))
        yield at, at + len(tag[0]) + size


def _frame_before(data: Source, count: int) -> int | None:
    places = ((count - back, data[count - back : count - back + 4]) for back in BEFORE_COUNT if count >= back)
    return next((at for at, head in places if head[:1] == b"\xff" and sniff(head) is Container.MP3), None)
