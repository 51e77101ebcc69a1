"""An Ogg stream of Opus packets (RFC 3533, RFC 7845), page by page, and going on behind one that is there."""

import secrets
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, Self

from services.calls.packets.opus import RATE

PRE_SKIP = 312
PAGE_SAMPLES = RATE
MOST_SEGMENTS = 255
MAGIC = b"OggS"
PAGE = struct.Struct("<4sBBqIIIB")
CHECKSUM = struct.Struct("<I")
CHECKSUM_AT = 22
MOST_GRANULE = 7 * 24 * 3600 * RATE
MOST_PAGE_BYTES = PAGE.size + MOST_SEGMENTS + MOST_SEGMENTS * 255
BEGIN, END = 2, 4
VENDOR = b"Viva Voce"
HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, PRE_SKIP, RATE, 0, 0)
TAGS = b"OpusTags" + struct.pack("<I", len(VENDOR)) + VENDOR + struct.pack("<I", 0)

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes | bytearray) -> int:
    """Ogg's CRC-32: zlib's with the bits of each byte and of the result mirrored, and nothing inverted."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


class LastPage(NamedTuple):
    """Where a stream stands."""

    serial: int
    number: int
    granule: int
    is_end: bool
    packet: bytes


def last_page(data: bytes) -> LastPage:
    """The whole page that the bytes end with; ValueError where they do not."""
    page, end = _last_whole(data)
    if page is None or end != len(data):
        raise ValueError(
            f"these are not the last {MOST_PAGE_BYTES} bytes of an Ogg stream: they do not end with a page"
        )
    return page


def whole_pages(data: bytes) -> bytes:
    """The bytes up to the end of the last whole page: behind that a process may have died in the midst of one."""
    return data[: _last_whole(data)[1]]


def packets_behind(data: bytes, granule: int) -> list[bytes]:
    """The packets of the whole pages that end behind a place; those of our own pages, which hold whole packets."""
    found: list[bytes] = []
    for at, page, end in _whole(data):
        if page.granule > granule:
            found += _packets(data[at:end])
    return found


def _packets(page: bytes) -> Iterator[bytes]:
    body = PAGE.size + page[PAGE.size - 1]
    begin = end = body
    for length in page[PAGE.size : body]:
        end += length
        if length < MOST_SEGMENTS:
            yield page[begin:end]
            begin = end


def _last_whole(data: bytes) -> tuple[LastPage | None, int]:
    page, end = None, 0
    for _, page, end in _whole(data):  # noqa: B007  the last one
        pass
    return page, end


def _whole(data: bytes) -> Iterator[tuple[int, LastPage, int]]:
    """Each page with its place and its end, found from the front: a packet may hold what looks like one."""
    at = data.find(MAGIC)
    while at >= 0:
        if (found := _page_from(data, at)) is None:
            at = data.find(MAGIC, at + 1)
        else:
            page, end = found
            yield at, page, end
            at = data.find(MAGIC, end)


def _page_from(data: bytes, at: int) -> tuple[LastPage, int] | None:
    """The whole page that begins here, and where it ends."""
    if at + PAGE.size > len(data):
        return None
    _, _, flags, granule, serial, number, expected, count = PAGE.unpack_from(data, at)
    body = at + PAGE.size + count
    lacing = data[body - count : body]
    end = body + sum(lacing)
    if end > len(data) or not 0 <= granule <= MOST_GRANULE:
        return None
    page = bytearray(data[at:end])
    CHECKSUM.pack_into(page, CHECKSUM_AT, 0)
    if checksum(page) != expected:
        return None
    begun = max((index for index in range(count - 1) if lacing[index] < 255), default=-1) + 1
    packet = data[end - sum(lacing[begun:]) : end]
    return LastPage(serial, number, granule, bool(flags & END), bytes(packet)), end


class OggWriter:
    """Collects packets, and gives out whole pages of about a second. `written` is what is in them all, in samples."""

    def __init__(self, serial: int | None = None) -> None:
        self._serial = secrets.randbits(32) if serial is None else serial
        self._number = 0
        self._lacing = bytearray()
        self._body = bytearray()
        self._pages = bytearray()
        self._page_end = 0
        self.written = 0

    @classmethod
    def behind(cls, page: LastPage) -> Self:
        """One that goes on behind a page."""
        writer = cls(page.serial)
        writer._number = page.number + 1
        writer._page_end = writer.written = page.granule
        return writer

    @property
    def page_end(self) -> int:
        """Samples that are in whole pages."""
        return self._page_end

    @property
    def waiting(self) -> int:
        """Samples that are in no page yet."""
        return self.written - self._page_end

    @property
    def size(self) -> int:
        """Bytes that nobody has taken yet."""
        return len(self._pages) + len(self._body)

    def add(self, packet: bytes, samples: int) -> None:
        """Put a packet behind the others; pages begin and end with whole packets."""
        segments = len(packet) // 255 + 1
        if len(self._lacing) + segments > MOST_SEGMENTS or self.waiting >= PAGE_SAMPLES:
            self.flush()
        self._lacing += b"\xff" * (segments - 1)
        self._lacing.append(len(packet) % 255)
        self._body += packet
        self.written += samples

    def flush(self, flags: int = 0) -> None:
        """End the page here, if there is anything in it."""
        if self._lacing:
            if self._number == 0:
                self._begin()
            self._page(flags, self.written, bytes(self._lacing), self._body)
            self._lacing.clear()
            self._body.clear()
            self._page_end = self.written

    def take_pages(self) -> bytes:
        """The pages that ended since it was asked last; the one that is begun stays, and may become the last."""
        pages = bytes(self._pages)
        self._pages.clear()
        return pages

    def _begin(self) -> None:
        for flags, packet in ((BEGIN, HEAD), (0, TAGS)):
            self._page(flags, 0, bytes([len(packet)]), packet)

    def _page(self, flags: int, granule: int, lacing: bytes, body: bytes | bytearray) -> None:
        page = bytearray(PAGE.pack(MAGIC, 0, flags, granule, self._serial, self._number, 0, len(lacing)))
        page += lacing
        page += body
        CHECKSUM.pack_into(page, CHECKSUM_AT, checksum(page))
        self._pages += page
        self._number += 1
