"""How long a slice of a recording is, read from its container's own times.

Slices come with a header or without one, and may begin and end anywhere. What is damaged, of another container, or of
more elements than a browser writes in an hour, tells nothing.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from services.recordings.formats import Container, sniff

CLUSTER, BLOCK, GROUP, CLUSTER_TIME, SEGMENT = 0x1F43B675, 0xA3, 0xA0, 0xE7, 0x18538067
OPEN = (SEGMENT, CLUSTER, GROUP)  # what is inside is looked at, whatever size they claim
BLOCKS = (BLOCK, 0xA1)
SLICES_START = (CLUSTER.to_bytes(4), b"\xa3", b"\xa0")
OGG_HEAD, OGG = struct.Struct("<4sBBqIIIB"), b"OggS"
OPUS_RATE = 48_000
MOST_ELEMENTS = 60_000
MOST_SECONDS = 7 * 24 * 3600.0


class TooMany(Exception):
    """More elements than are looked at: whoever waits for the answer waits for each of them."""


def seconds_of(data: bytes) -> float | None:
    """The seconds that the slice lasts; None where its bytes do not tell."""
    if not data:
        return 0.0
    try:
        seconds = _seconds_of(data)
    except TooMany:
        return None
    # Where a recorder began anew within the slice, its times begin anew too.
    return None if seconds is None or not 0 <= seconds <= MOST_SECONDS else seconds


def _seconds_of(data: bytes) -> float | None:
    match sniff(data[:64]):
        case Container.WEBM:
            return _of_webm(data)
        case Container.OGG:
            return _of_ogg(data)
        case Container.WAV:
            return _of_wav(data)
        case None if data.startswith(SLICES_START):
            return _of_webm(data)
        case _:
            return None


def _of_webm(data: bytes) -> float | None:
    """From the first block to the last, and as long again as blocks usually lie apart; so long each without a time."""
    found = list(_block_times(data))
    times = [time for time in found if time is not None]
    steps = [after - before for before, after in pairwise(times) if after > before]
    if not steps:
        return None
    return round((times[-1] - times[0] + median(steps) * (1 + len(found) - len(times))) / 1000, 3)


def _block_times(data: bytes) -> Iterator[int | None]:
    """In milliseconds; blocks before the first cluster, which are of the one before, tell none."""
    at, cluster = 0, None
    for _ in range(MOST_ELEMENTS):
        if (found := _element(data, at)) is None:
            return
        id, body, size = found
        if id == CLUSTER_TIME and size <= 8:
            cluster = int.from_bytes(data[body : body + size])
        elif id in BLOCKS and body + 3 <= len(data):
            after = int.from_bytes(data[body + 1 : body + 3], signed=True)
            yield None if cluster is None else cluster + after
        at = body if id in OPEN else body + size
    raise TooMany


def _element(data: bytes, at: int) -> tuple[int, int, int] | None:
    """What an EBML element is, where its content begins, and how long that is."""
    if at >= len(data) or not data[at]:
        return None
    width = 9 - data[at].bit_length()
    id, size_at = int.from_bytes(data[at : at + width]), at + width
    if width > 4 or size_at >= len(data) or not data[size_at]:
        return None
    width = 9 - data[size_at].bit_length()
    size = int.from_bytes(data[size_at : size_at + width]) & ((1 << 7 * width) - 1)
    return id, size_at + width, size


def _of_ogg(data: bytes) -> float | None:
    """From the first page's time to the last one's: a header's pages are at 0."""
    rate, pages = _rate_of_ogg(data), [time for time in _page_times(data) if time >= 0]
    if rate is None or len(pages) < 2:
        return None
    return round((pages[-1] - pages[0]) / rate, 3)


def _page_times(data: bytes) -> Iterator[int]:
    at = 0
    for _ in range(MOST_ELEMENTS):
        if at + OGG_HEAD.size > len(data):
            return
        mark, _, _, time, _, _, _, segments = OGG_HEAD.unpack_from(data, at)
        if mark != OGG:
            return
        yield time
        lengths = data[at + OGG_HEAD.size : at + OGG_HEAD.size + segments]
        at += OGG_HEAD.size + segments + sum(lengths)
    raise TooMany


def _rate_of_ogg(data: bytes) -> int | None:
    """Of Opus, and of Vorbis whose header is here; a slice without one is taken for Opus, as browsers record it."""
    packet = data[28:44]
    if packet.startswith(b"\x01vorbis"):
        return int.from_bytes(data[40:44], "little") or None
    is_first = len(data) > 5 and data[5] & 2
    return OPUS_RATE if packet.startswith(b"OpusHead") or not is_first else None


def _of_wav(data: bytes) -> float | None:
    at, rate = 12, 0
    for _ in range(MOST_ELEMENTS):
        if at + 8 > len(data):
            return None
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            rate = int.from_bytes(data[at + 16 : at + 20], "little")
        if name == b"data":
            here = len(data) - at - 8
            # A head that was written before its sound says that there is none.
            return round(min(size or here, here) / rate, 3) if rate else None
        at += 8 + size + size % 2
    raise TooMany
