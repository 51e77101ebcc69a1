"""Headers are read as RFC 3550 draws them; aiortc reads them beside."""

import pytest
from aiortc.rtp import RtpPacket as Oracle
from hypothesis import example, given
from hypothesis import strategies as st

from services.calls.packets.rtp import Odd, Oddity, is_rtcp, parse
from tests.calls.searching import searched
from tests.calls.sender import rtp


def read_by_oracle(data: bytes) -> tuple[int, int, int, int, bool, bytes] | None:
    try:
        packet = Oracle.parse(data)
    except ValueError:
        return None
    return (
        packet.payload_type,
        packet.sequence_number,
        packet.timestamp,
        packet.ssrc,
        bool(packet.marker),
        packet.payload,
    )


def read(data: bytes) -> tuple[int, int, int, int, bool, bytes] | None:
    try:
        packet = parse(data)
    except Odd:
        return None
    return (
        packet.payload_type,
        packet.sequence,
        packet.timestamp,
        packet.ssrc,
        packet.marker,
        packet.payload,
    )


@searched
@given(
    payload=st.binary(max_size=40),
    sequence=st.integers(0, 65535),
    timestamp=st.integers(0, 2**32 - 1),
    ssrc=st.integers(0, 2**32 - 1),
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    padding=st.integers(0, 255),
    words=st.none() | st.integers(0, 5),
    sources=st.lists(st.integers(0, 2**32 - 1), max_size=15),
    cut=st.integers(0, 30),
)
def test_every_header_is_read_as_another_implementation_reads_it(
    payload: bytes,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload_type: int,
    marker: bool,
    padding: int,
    words: int | None,
    sources: list[int],
    cut: int,
) -> None:
    data = rtp(
        payload,
        sequence,
        timestamp,
        ssrc=ssrc,
        payload_type=payload_type,
        marker=marker,
        padding=padding,
        extension=None if words is None else bytes(4 * words),
        sources=tuple(sources),
    )
    assert read(data) == (payload_type, sequence, timestamp, ssrc, marker, payload)
    shorter = data[: len(data) - cut]
    assert read(shorter) == read_by_oracle(shorter)


@searched
@given(st.binary(max_size=120) | st.binary(max_size=119).map(lambda rest: b"\xb1" + rest))
@example(b"\x80" + bytes(11))
@example(b"\xa0" + bytes(11))
@example(b"\xb0" + bytes(15) + b"\x01")
def test_rubbish_is_refused_exactly_where_another_implementation_refuses_it(data: bytes) -> None:
    assert read(data) == read_by_oracle(data)


@pytest.mark.parametrize(
    ("data", "oddity"),
    [
        (b"", Oddity.SHORT),
        (b"\x80" * 11, Oddity.SHORT),
        (b"\x00\x01\x00\x00" + b"\x21\x12\xa4\x42" + bytes(12), Oddity.STUN),
        (b"\x16\xfe\xfd" + bytes(20), Oddity.DTLS),
        (b"\x47" + bytes(187), Oddity.VERSION),
        (b"\x8f" + bytes(11), Oddity.CUT),
        (b"\x90" + bytes(12), Oddity.CUT),
        (b"\x90" + bytes(13) + b"\x00\x09", Oddity.CUT),
        (b"\xa0" + bytes(12), Oddity.PADDING),
        (b"\xa0" + bytes(11) + b"\x02", Oddity.PADDING),
    ],
)
def test_what_is_no_packet_has_a_reason(data: bytes, oddity: Oddity) -> None:
    with pytest.raises(Odd) as raised:
        parse(data)
    assert raised.value.oddity is oddity


def test_reports_are_told_from_packets_by_their_second_byte() -> None:
    assert is_rtcp(b"\x80\xc8" + bytes(26))
    assert is_rtcp(b"\x81\xcd")
    assert not is_rtcp(rtp(b"x", 1, 1, payload_type=111, marker=True))
    assert not is_rtcp(b"\x80")
    assert not is_rtcp(b"\x40\xc8" + bytes(26))
