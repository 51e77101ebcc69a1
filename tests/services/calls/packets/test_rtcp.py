"""Sender reports are found in compound packets."""

import pytest
from aiortc.rtp import RtcpPacket, RtcpSenderInfo, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from services.calls.packets.rtcp import SenderReport, sender_reports
from services.calls.packets.rtp import Odd, Oddity
from tests.calls.searching import searched
from tests.calls.sender import NTP_EPOCH, sender_report


def written_by_oracle(ssrc: int, ntp: int, timestamp: int) -> bytes:
    info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=timestamp, packet_count=1, octet_count=2)
    return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info))


@searched
@given(ssrc=st.integers(0, 2**32 - 1), ntp=st.integers(1, 2**64 - 1), timestamp=st.integers(0, 2**32 - 1))
def test_a_report_is_read_as_another_implementation_wrote_it(ssrc: int, ntp: int, timestamp: int) -> None:
    data = written_by_oracle(ssrc, ntp, timestamp)
    assert sender_reports(data) == [SenderReport(ssrc, ntp / 2**32, timestamp)]
    assert RtcpPacket.parse(data)


def test_a_report_is_found_among_others() -> None:
    description = bytes.fromhex("81ca000300005eed0104726f6f740000")
    goodbye = bytes.fromhex("81cb000100005eed")
    found = sender_reports(sender_report(2.5, 700) + description + sender_report(7.5, 900, ssrc=9) + goodbye)
    assert [(report.ssrc, report.clock - NTP_EPOCH, report.timestamp) for report in found] == [
        (0x5EED, 2.5, 700),
        (9, 7.5, 900),
    ]


def test_a_sender_without_a_clock_reports_nothing() -> None:
    assert sender_reports(bytes.fromhex("80c80006") + bytes(24)) == []


@pytest.mark.parametrize("data", [b"\x80\xc8", b"\x80\xc8\x00\x06" + bytes(20), b"\x80\xc8\x00\x01" + bytes(4)])
def test_what_is_not_whole_has_a_reason(data: bytes) -> None:
    with pytest.raises(Odd) as raised:
        sender_reports(data)
    assert raised.value.oddity is Oddity.RTCP


@searched
@given(st.binary(max_size=80))
def test_rubbish_is_read_to_its_end_or_refused(data: bytes) -> None:
    try:
        sender_reports(b"\x80\xc8" + data)
    except Odd as odd:
        assert odd.oddity is Oddity.RTCP
