"""One run of RTP packets: of one SSRC, with sequence numbers that go on; and whether it is Opus at all."""

from collections.abc import Iterator
from itertools import pairwise, starmap

from services.calls.packets import opus
from services.calls.packets.opus import RATE
from services.calls.packets.reordering import Fate, Held, Reordering
from services.calls.packets.rtp import RtpPacket, signed
from services.calls.packets.timestamp_rate import TimestampRate

MOST_DROPPED = 3000
MOST_MISORDERED = 1000
LONG_PAST = RATE // 2
LEAST_PAIRS, LEAST_ALIKE = 3, 0.6
BURST_SECONDS = 0.1


class Source:
    """Its packets, in order; one that `counts_again` has numbers that were another's."""

    def __init__(self, first: RtpPacket, arrived: float, wait: float, *, counts_again: bool = False) -> None:
        self.ssrc = first.ssrc
        self.payload_type = first.payload_type
        self.counts_again = counts_again
        self.began = self.last_arrived = self.last_sounded = arrived
        self.newest_timestamp = first.timestamp
        self.jitter = 0.0
        self.doubled = 0
        self._first = self._highest = first.sequence
        self._reordering = Reordering(wait)
        self._rate = TimestampRate()

    @property
    def sequence(self) -> int:
        """The newest sequence number."""
        return self._highest % (1 << 16)

    @property
    def lost(self) -> int:
        return self._reordering.lost

    @property
    def held(self) -> list[Held]:
        return self._reordering.held

    @property
    def is_alone(self) -> bool:
        """Whether nothing came of it but its first packet."""
        return self._first == self._highest

    @property
    def is_full(self) -> bool:
        return self._reordering.is_full

    def is_of(self, packet: RtpPacket) -> bool:
        """Whether a packet goes on with it (RFC 3550 §A.1)."""
        if packet.ssrc != self.ssrc:
            return False
        return -MOST_MISORDERED <= self._ahead(packet.sequence) <= MOST_DROPPED

    def follows(self, other: "Source") -> bool:
        """Whether its numbers go on where another's ended."""
        is_same = (self.ssrc, self.payload_type) == (other.ssrc, other.payload_type)
        return is_same and 0 < other._ahead(self._first) <= MOST_DROPPED

    def has_passed(self, packet: RtpPacket) -> bool:
        """Whether a number is one of its own that it is past: it comes late, or again, or its sender counts anew."""
        ahead = self._ahead(packet.sequence)
        is_own = packet.ssrc == self.ssrc and -MOST_MISORDERED <= ahead < 0
        return is_own and self._reordering.has_passed(self._highest + ahead)

    def had_long_ago(self, packet: RtpPacket, samples: int) -> bool:
        """Whether a packet with this number was there, so long ago that no network holds it up."""
        ahead = self._ahead(packet.sequence)
        is_old = self.has_passed(packet) and -ahead * samples >= LONG_PAST
        return is_old and not self._reordering.misses(self._highest + ahead)

    @property
    def comes_again(self) -> bool:
        """Whether it counts again, and faster than it sounds: it was sent before."""
        held = sounding(self.held)
        return self.counts_again and bool(held) and came_at_once(held)

    def _ahead(self, sequence: int) -> int:
        return signed(sequence - self._highest, 16)

    def has_left(self, packet: RtpPacket, arrived: float, least: float) -> bool:
        """Whether a packet is of another payload type than its own, of which nothing came for so long."""
        return packet.payload_type != self.payload_type and arrived - self.last_sounded >= least

    def skips_time(self, packet: RtpPacket, arrived: float, least: float) -> bool:
        """Whether nothing came for so long, and timestamps and arrivals do not agree on how long that was."""
        pause = arrived - self.last_arrived
        if pause < least:
            return False
        return abs(signed(self.at_48_khz(packet.timestamp) - self.newest_timestamp, 32) / RATE - pause) > least / 2

    def at_48_khz(self, timestamp: int) -> int:
        """One of its timestamps, as Opus has them."""
        return self._rate.at_48_khz(timestamp)

    def take(self, packet: RtpPacket, samples: int, arrived: float) -> Fate:
        before, ahead = self._rate.factor, self._ahead(packet.sequence)
        if self._rate.observe(packet, samples) and before == 1:
            self._reordering.restamp(self.at_48_khz)
            self.newest_timestamp = self.at_48_khz(self.newest_timestamp)
        timestamp = self.at_48_khz(packet.timestamp)
        held = Held(self._highest + ahead, timestamp, arrived, packet.payload if samples else b"", samples)
        fate = self._reordering.put(held)
        if samples:
            self._repeat(packet, held)
        self.doubled += bool(samples) and fate is Fate.DOUBLED
        if ahead > 0:
            self._note_jitter(timestamp, arrived)
            self._highest += ahead
            self.newest_timestamp = timestamp
        self.last_arrived = max(self.last_arrived, arrived)
        if samples:
            self.last_sounded = self.last_arrived
        return fate

    def _repeat(self, packet: RtpPacket, held: Held) -> None:
        """What it has of those before it."""
        for older in packet.older:
            self._reordering.repeat(
                Held(
                    held.sequence - older.places,
                    self.at_48_khz((packet.timestamp - older.before) % (1 << 32)),
                    held.arrived,
                    older.payload,
                    opus.samples(older.payload),
                    is_repeated=True,
                )
            )

    def go_on(self, packet: Held) -> Fate:
        """Take in what another one held that turned out to be this one."""
        sequence = self._highest + self._ahead(packet.sequence)
        fate = self._reordering.put(packet._replace(sequence=sequence))
        self._highest = max(self._highest, sequence)
        self.newest_timestamp = packet.timestamp
        self.last_arrived = self.last_sounded = packet.arrived
        return fate

    def due(self, now: float) -> Iterator[Held]:
        return self._reordering.due(now)

    def _note_jitter(self, timestamp: int, arrived: float) -> None:
        elapsed = signed(timestamp - self.newest_timestamp, 32) / RATE
        difference = abs(arrived - self.last_arrived - elapsed)
        if difference < 1.0:
            self.jitter += (difference - self.jitter) / 16


def sounding(held: list[Held]) -> list[Held]:
    return [packet for packet in held if packet.samples]


def looks_encrypted(held: list[Held]) -> bool:
    """Whether packets claim to be Opus of ever other kinds and lengths, which no encoder makes and no cipher avoids."""
    pairs = [(one, other) for one, other in pairwise(held) if other.sequence == one.sequence + 1]
    return len(pairs) >= LEAST_PAIRS and sum(starmap(_are_alike, pairs)) < LEAST_ALIKE * len(pairs)


def _are_alike(one: Held, other: Held) -> bool:
    """Whether both are of one kind, or the second begins where the first ends."""
    if not one.payload or not other.payload:
        return False
    return one.payload[0] >> 2 == other.payload[0] >> 2 or (signed(other.timestamp - one.timestamp, 32) == one.samples)


def came_at_once(held: list[Held]) -> bool:
    """Whether they came much faster than they sound, as after a stall."""
    sound = signed(held[-1].timestamp - held[0].timestamp, 32) / RATE
    return sound > 2 * (held[-1].arrived - held[0].arrived) + BURST_SECONDS
