"""Opus packets as RFC 6716 §3 frames them: how long one sounds, whether it is whole, and packets that say nothing."""

from collections.abc import Iterator

RATE = 48_000
MOST_SAMPLES = 5760
MOST_FRAME_BYTES = 1275
MOST_BYTES = 48 * MOST_FRAME_BYTES
UNIT = 120
SILK_UNIT = 480
FIRST_HYBRID, FIRST_CELT = 12, 16
LEADING_TOC = 31 << 3

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
FRAME_SAMPLES = _SILK * 3 + _HYBRID * 2 + _CELT * 4


def samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet sounds; 0 where it is malformed, or longer than frames make one."""
    if not packet or len(packet) > MOST_BYTES:
        return 0
    toc, size = packet[0], len(packet)
    frame = FRAME_SAMPLES[toc >> 3]
    match toc & 3:
        case 0:
            return frame if size <= 1 + MOST_FRAME_BYTES else 0
        case 1:
            return 2 * frame if size % 2 and size <= 1 + 2 * MOST_FRAME_BYTES else 0
        case 2:
            return 2 * frame if _holds_two(packet) else 0
        case _:
            return _many(packet, frame)


def unit(toc: int) -> int:
    """The shortest silence that may follow a packet: 2.5 ms after CELT, 10 ms after SILK and hybrid."""
    return UNIT if toc >> 3 >= FIRST_CELT else SILK_UNIT


def fillers(toc: int, missing: int) -> Iterator[tuple[bytes, int]]:
    """Packets that ask for concealment after one with this TOC byte, with their samples, as near as its unit allows.

    Each is one byte or two, and none is longer than what is missing.
    """
    twenty = _toc_of(toc, 960)
    while missing >= 960:
        frames = min(missing // 960, MOST_SAMPLES // 960)
        yield bytes([twenty]) if frames == 1 else bytes([twenty | 3, frames]), frames * 960
        missing -= frames * 960
    for short in (480, 240, 120):
        if missing >= short >= unit(toc):
            yield bytes([_toc_of(toc, short)]), short
            missing -= short


def _toc_of(toc: int, frame: int) -> int:
    """The TOC byte of one frame so long in the same mode, bandwidth and channels."""
    config = toc >> 3
    if config >= FIRST_CELT:
        config = (config & ~3) + _CELT.index(frame)
    elif config >= FIRST_HYBRID:
        config = (config & ~1) + _HYBRID.index(frame)
    else:
        config = (config & ~3) + _SILK.index(frame)
    return config << 3 | toc & 4


def _frame_length(packet: bytes, at: int) -> tuple[int, int]:
    """A frame's length, and where what follows it begins; -1 where it is cut off."""
    if at >= len(packet):
        return -1, at
    first = packet[at]
    if first < 252:
        return first, at + 1
    return (first + 4 * packet[at + 1], at + 2) if at + 1 < len(packet) else (-1, at)


def _holds_two(packet: bytes) -> bool:
    length, at = _frame_length(packet, 1)
    return 0 <= length <= len(packet) - at <= length + MOST_FRAME_BYTES


def _many(packet: bytes, frame: int) -> int:
    if len(packet) < 2:
        return 0
    count, at, end = packet[1] & 0x3F, 2, len(packet)
    if not count or count * frame > MOST_SAMPLES:
        return 0
    if packet[1] & 0x40:
        padding = 255
        while padding == 255:
            if at >= len(packet):
                return 0
            padding = packet[at]
            at, end = at + 1, end - (padding if padding < 255 else 254)
    is_whole = _holds_lengths(packet, at, end, count) if packet[1] & 0x80 else _divides(end - at, count)
    return count * frame if is_whole else 0


def _divides(size: int, count: int) -> bool:
    return size >= 0 and size % count == 0 and size // count <= MOST_FRAME_BYTES


def _holds_lengths(packet: bytes, at: int, end: int, count: int) -> bool:
    held = 0
    for _ in range(count - 1):
        length, at = _frame_length(packet, at)
        if length < 0:
            return False
        held += length
    return 0 <= end - at - held <= MOST_FRAME_BYTES
