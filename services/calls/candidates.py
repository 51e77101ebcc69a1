"""Who may be latched as the source of a side: the first of whom two packets have come that belong together.

One packet of a stranger, however real, latches nobody; it waits for a second one, among a bounded number of others.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from services.calls.packets.rtp import RtpPacket, signed

Source = tuple[str, int]
MOST_CANDIDATES = 32
MOST_APART = 100


class First(NamedTuple):
    """The first packet of a source, as it came and as it was read."""

    data: bytes
    arrived: float
    packet: RtpPacket


@dataclass(slots=True)
class Candidates:
    """Those of one side; `seen` are their packets."""

    seen: int = 0
    _firsts: dict[Source, First] = field(default_factory=dict)

    def first_of(self, source: Source, data: bytes, arrived: float, packet: RtpPacket) -> First | None:
        """The packet before, where this one goes on with it; else this one waits, and the longest waiting goes."""
        self.seen += 1
        before = self._firsts.pop(source, None)
        if before is not None and _belong_together(before.packet, packet):
            return before
        if len(self._firsts) == MOST_CANDIDATES:
            self._firsts.pop(next(iter(self._firsts)))
        self._firsts[source] = First(data, arrived, packet)
        return None


def _belong_together(one: RtpPacket, other: RtpPacket) -> bool:
    apart = signed(other.sequence - one.sequence, 16)
    return one.ssrc == other.ssrc and one.payload_type == other.payload_type and 0 < abs(apart) <= MOST_APART
