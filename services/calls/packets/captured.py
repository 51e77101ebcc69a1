"""What a capture of a network holds of calls: the flows that carry RTP, and the datagrams of one of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from services.calls.packets.rtp import Odd, is_rtcp, parse

LEAST_PACKETS = 10
LEAST_SHARE = 0.5
FIRST_PACKETS = 100


class Flow(NamedTuple):
    """From where datagrams go to where."""

    source: str
    source_port: int
    target: str
    target_port: int

    def __str__(self) -> str:
        return f"{self.source}:{self.source_port} > {self.target}:{self.target_port}"

    def reports_on(self, media: "Flow") -> bool:
        """Whether it may carry the RTCP of a flow of RTP: the ports above, between the same hosts."""
        return self == media._replace(source_port=self.source_port, target_port=media.target_port + 1)


class Captured(NamedTuple):
    """A datagram, and when it passed, in seconds since 1970."""

    at: float
    flow: Flow
    data: bytes


@dataclass(slots=True)
class Carried:
    """What a flow carried."""

    flow: Flow
    first_at: float
    last_at: float
    datagrams: int = 0
    packets: int = 0
    payload_types: Counter[int] = field(default_factory=Counter)
    sources: set[int] = field(default_factory=set)
    first: set[int] = field(default_factory=set)

    def is_copy_of(self, other: "Carried") -> bool:
        """Whether it is the same sound on another part of its way, as on the machine of a proxy."""
        return 2 * len(self.first & other.first) > min(len(self.first), len(other.first))


def carried(captured: Iterable[Captured]) -> list[Carried]:
    """The flows that look like RTP, in the order in which they begin."""
    flows: dict[Flow, Carried] = {}
    for at, flow, data in captured:
        found = flows.setdefault(flow, Carried(flow, at, at))
        found.datagrams += 1
        found.last_at = max(found.last_at, at)
        if is_rtcp(data):
            continue
        try:
            packet = parse(data)
        except Odd:
            continue
        found.packets += 1
        found.payload_types[packet.payload_type] += 1
        if len(found.first) < FIRST_PACKETS:
            found.first.add(hash((packet.sequence, packet.timestamp, packet.payload)))
        if len(found.sources) < LEAST_PACKETS:
            found.sources.add(packet.ssrc)
    likely = (each for each in flows.values() if _is_rtp(each))
    return sorted(likely, key=lambda each: each.first_at)


def _is_rtp(flow: Carried) -> bool:
    """Many packets of few sources: chance makes a source of each."""
    is_much = flow.packets >= LEAST_PACKETS and flow.packets >= LEAST_SHARE * flow.datagrams
    return is_much and len(flow.sources) < LEAST_PACKETS


def of(captured: Iterable[Captured], media: Flow) -> Iterator[Captured]:
    """What belongs to a flow of RTP, its reports too."""
    return (each for each in captured if each.flow == media or each.flow.reports_on(media))
