"""A sender of RTP whose network loses, reorders, doubles and delays, and whose clock drifts; all in virtual time."""

import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from services.calls.packets.opus import RATE, samples
from services.calls.packets.side import Side

PAYLOAD_TYPE = 111
NTP_EPOCH = 3_900_000_000.0


class Datagram(NamedTuple):
    arrived: float
    data: bytes


def rtp(
    payload: bytes,
    sequence: int,
    timestamp: int,
    *,
    ssrc: int = 0x5EED,
    payload_type: int = PAYLOAD_TYPE,
    marker: bool = False,
    padding: int = 0,
    extension: bytes | None = None,
    sources: tuple[int, ...] = (),
) -> bytes:
    """One packet, as RFC 3550 §5.1 draws it; the extension is whole words."""
    first = 2 << 6 | bool(padding) << 5 | (extension is not None) << 4 | len(sources)
    head = struct.pack("!BBHII", first, marker << 7 | payload_type, sequence % (1 << 16), timestamp % (1 << 32), ssrc)
    head += b"".join(struct.pack("!I", source) for source in sources)
    if extension is not None:
        head += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    return head + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def sender_report(clock: float, timestamp: int, *, ssrc: int = 0x5EED) -> bytes:
    """A report alone in its compound packet, without packet counts."""
    whole = int((NTP_EPOCH + clock) * (1 << 32))
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, whole, timestamp % (1 << 32), 0, 0)


@dataclass(slots=True, kw_only=True)
class Network:
    """What becomes of datagrams on their way; of each, so many in a hundred."""

    seed: int = 1
    delay: float = 0.0
    jitter: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    reordered: float = 0.0
    reordered_by: float = 0.05
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def carry(self, sent: Iterable[Datagram]) -> list[Datagram]:
        """Them in the order in which they arrive."""
        return sorted((each for datagram in sent for each in self._carried(datagram)), key=lambda each: each.arrived)

    def _carried(self, datagram: Datagram) -> Iterator[Datagram]:
        chance = self._random.random
        if chance() * 100 < self.lost:
            return
        for _ in range(1 + (chance() * 100 < self.doubled)):
            late = self.reordered_by if chance() * 100 < self.reordered else 0.0
            yield Datagram(datagram.arrived + self.delay + self.jitter * chance() + late, datagram.data)


@dataclass(slots=True, kw_only=True)
class Sender:
    """One source, whose clock is so many parts in a million fast."""

    begins: float = 0.0
    sequence: int = 1000
    timestamp: int = 50_000
    ssrc: int = 0x5EED
    payload_type: int = PAYLOAD_TYPE
    fast_ppm: float = 0.0

    def send(self, packets: Iterable[bytes], *, reports_every: float | None = None) -> Iterator[Datagram]:
        """Each packet when its sound begins; an empty one is a pause of 20 ms in which nothing is sent."""
        sounded, reported = 0, 0.0
        for packet in packets:
            at = self.begins + sounded / RATE / (1 + self.fast_ppm / 1e6)
            if reports_every is not None and at - self.begins >= reported:
                yield Datagram(at, sender_report(at, self.timestamp + sounded, ssrc=self.ssrc))
                reported += reports_every
            if packet:
                yield Datagram(at, self.packet(packet, self.timestamp + sounded))
                self.sequence += 1
            sounded += samples(packet) or 960

    def packet(self, payload: bytes, timestamp: int) -> bytes:
        return rtp(payload, self.sequence, timestamp, ssrc=self.ssrc, payload_type=self.payload_type)


def taken(datagrams: Iterable[Datagram], side: Side, *, ends: float | None = None, every: float = 0.5) -> bytes:
    """The stream that a side makes of them, asked for its pages now and then."""
    stream, asked, now = bytearray(), 0.0, 0.0
    for datagram in datagrams:
        now = datagram.arrived
        while asked + every <= now:
            asked += every
            stream += side.pages(asked)
        side.take(datagram.data, now)
    stream += side.close(now + 1.0 if ends is None else ends)
    return bytes(stream)
