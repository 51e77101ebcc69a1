"""Pages as RFC 3533 and 7845 have them, and streams that go on behind what another process wrote."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.packets.ogg import (
    BEGIN,
    END,
    MOST_PAGE_BYTES,
    PAGE_SAMPLES,
    PRE_SKIP,
    LastPage,
    OggWriter,
    last_page,
    whole_pages,
)
from tests.calls.searching import searched
from tests.calls.stream import written

PACKET = bytes([0xF8]) + bytes(range(60))


def pages_of(stream: bytes) -> list[tuple[int, int, int, int]]:
    """Flags, granule position, serial and page number of each page."""
    found, at = [], 0
    while at < len(stream):
        magic, _, flags, granule, serial, number, _, count = struct.unpack_from("<4sBBqIIIB", stream, at)
        assert magic == b"OggS"
        found.append((flags, granule, serial, number))
        at += 27 + count + sum(stream[at + 27 : at + 27 + count])
    assert at == len(stream)
    return found


def stream_of(packets: list[tuple[bytes, int]], writer: OggWriter | None = None) -> bytes:
    writer = writer or OggWriter()
    for packet, samples in packets:
        writer.add(packet, samples)
    writer.flush(END)
    return writer.take_pages()


def test_a_stream_begins_with_its_headers_and_ends_with_its_end() -> None:
    pages = pages_of(stream_of([(PACKET, 960)] * 120))
    assert [flags for flags, *_ in pages] == [BEGIN, 0, 0, 0, END]
    assert [granule for _, granule, *_ in pages] == [0, 0, PAGE_SAMPLES, 2 * PAGE_SAMPLES, 120 * 960]
    assert [number for *_, number in pages] == [0, 1, 2, 3, 4]
    assert len({serial for *_, serial, _ in pages}) == 1


@searched
@given(st.lists(st.integers(0, 2000), min_size=1, max_size=400))
def test_packets_of_any_size_come_back(sizes: list[int]) -> None:
    packets = [bytes([0xF8]) + bytes(size) for size in sizes]
    stream = stream_of([(packet, 960) for packet in packets])
    assert [each.packet for each in written(stream)] == packets
    assert [each.at for each in written(stream)] == [960 * index for index in range(len(packets))]
    ends = [granule for _, granule, *_ in pages_of(stream)[1:]]
    assert all(0 < after - before <= PAGE_SAMPLES for before, after in pairwise(ends))


def test_a_page_has_no_more_segments_than_it_can_count() -> None:
    packets = [(bytes([0xE0]) + bytes(50), 120)] * 1000 + [(bytes([0xF8]) + bytes(1200), 960)] * 100
    assert len(written(stream_of(packets))) == 1100


@searched
@given(
    before=st.lists(st.sampled_from([1, 2, 61, 254, 255, 256, 510, 511]), min_size=1, max_size=150),
    after=st.lists(st.integers(1, 600), min_size=1, max_size=60),
)
def test_a_stream_goes_on_behind_its_last_page(before: list[int], after: list[int]) -> None:
    packets = [bytes([0xF8, *bytes(size - 1)]) for size in (*before, *after)]
    first = OggWriter()
    for packet in packets[: len(before)]:
        first.add(packet, 960)
    first.flush()
    stored = first.take_pages()
    page = last_page(stored[-MOST_PAGE_BYTES:])
    assert page.packet == packets[len(before) - 1]
    assert page.granule == 960 * len(before)
    whole = stored + stream_of([(packet, 960) for packet in packets[len(before) :]], OggWriter.behind(page))
    assert [each.packet for each in written(whole)] == packets
    assert [number for *_, number in pages_of(whole)] == list(range(len(pages_of(whole))))
    assert len({serial for *_, serial, _ in pages_of(whole)}) == 1


def test_headers_come_with_the_first_sound() -> None:
    writer = OggWriter()
    writer.add(PACKET, 960)
    assert writer.take_pages() == b""
    writer.flush()
    assert len(pages_of(writer.take_pages())) == 3


@pytest.mark.parametrize("spoil", [lambda tail: tail[:-1], lambda tail: tail + b"x", lambda _: b"OggS", lambda _: b""])
def test_bytes_that_do_not_end_with_a_page_are_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(ValueError, match="do not end with a page"):
        last_page(spoil(stream_of([(PACKET, 960)] * 60)))


def test_a_damaged_page_is_refused() -> None:
    stream = bytearray(stream_of([(PACKET, 960)] * 60))
    stream[-5] ^= 1
    with pytest.raises(ValueError, match="do not end with a page"):
        last_page(bytes(stream))


def forged(granule: int) -> bytes:
    """A packet that ends with what is a page by its sums."""
    writer = OggWriter.behind(LastPage(666, 41, granule - 960, False, b""))
    writer.add(PACKET, 960)
    writer.flush()
    return PACKET + writer.take_pages()


@pytest.mark.parametrize("granule", [960, 2**40, 2**63 - 1])
def test_a_page_within_a_packet_is_not_taken_for_the_streams_own(granule: int) -> None:
    stream = stream_of([(PACKET, 960)] * 70 + [(forged(granule), 960)])
    page = last_page(stream)
    assert (page.granule, page.packet) == (71 * 960, forged(granule))
    assert last_page(whole_pages(stream)) == page


def test_what_follows_the_last_whole_page_is_left_out() -> None:
    stream = stream_of([(PACKET, 960)] * 120)
    pages = pages_of(stream)
    before = stream.index(b"OggS", stream.rindex(b"OggS") - 10)
    assert len(pages_of(whole_pages(stream[:-1]))) == len(pages) - 1
    assert whole_pages(stream[: before + 3]) == stream[:before]
    assert whole_pages(b"OggS" * 20_000) == b""


def test_players_leave_out_what_the_coder_puts_before_the_sound() -> None:
    head = stream_of([(PACKET, 960)])[28:47]
    assert struct.unpack("<8sBBHIhB", head) == (b"OpusHead", 1, 1, PRE_SKIP, 48000, 0, 0)
