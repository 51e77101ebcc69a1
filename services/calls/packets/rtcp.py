"""RTCP, as far as it tells the time: sender reports (RFC 3550 §6.4.1) in compound packets."""

import struct
from typing import NamedTuple

from services.calls.packets.rtp import VERSION, WORD, Odd, Oddity

HEADER = struct.Struct("!BBH")
REPORT = struct.Struct("!IQI")
SENDER_REPORT = 200
NTP_SECOND = 1 << 32


class SenderReport(NamedTuple):
    """What time it was at the sender, by its clock, when its stream was at a timestamp."""

    ssrc: int
    clock: float
    timestamp: int


def sender_reports(data: bytes) -> list[SenderReport]:
    """The reports in a compound packet; Odd where it is not whole. A clock of 0 says that the sender has none."""
    found, at = [], 0
    while at < len(data):
        if at + HEADER.size > len(data):
            raise Odd(Oddity.RTCP)
        first, kind, words = HEADER.unpack_from(data, at)
        end = at + WORD * (words + 1)
        if first >> 6 != VERSION or end > len(data):
            raise Odd(Oddity.RTCP)
        if kind == SENDER_REPORT:
            if at + HEADER.size + REPORT.size > end:
                raise Odd(Oddity.RTCP)
            ssrc, ntp, timestamp = REPORT.unpack_from(data, at + HEADER.size)
            if ntp:
                found.append(SenderReport(ssrc, ntp / NTP_SECOND, timestamp))
        at = end
    return found
