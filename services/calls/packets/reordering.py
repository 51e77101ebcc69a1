"""The jitter buffer: packets in order, each waited for as long as is said."""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple

from services.calls.packets.rtp import signed

MOST_HELD = 512
MOST_REPEATED = 64
MOST_HELD_BYTES = 256 * 1024
MOST_MISSING = 1000


class Held(NamedTuple):
    """A packet with its extended sequence number; without samples it only takes its place in the order.

    One that is `repeated` came with another packet, in place of itself.
    """

    sequence: int
    timestamp: int
    arrived: float
    payload: bytes
    samples: int
    is_repeated: bool = False


class Fate(Enum):
    KEPT = auto()
    LATE = auto()
    DOUBLED = auto()


class Reordering:
    """Packets of one source. `lost` is how many places were given up."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._held: dict[int, Held] = {}
        self._repeated: dict[int, Held] = {}
        self._timestamp: int | None = None
        self._bytes = 0
        self._next: int | None = None
        self._missing: dict[int, None] = {}
        self.lost = 0

    @property
    def held(self) -> list[Held]:
        """What waits, in order."""
        return [self._held[sequence] for sequence in sorted(self._held)]

    @property
    def is_full(self) -> bool:
        """Whether no more is waited for, however little time has passed."""
        return len(self._held) > MOST_HELD or self._bytes > MOST_HELD_BYTES

    def has_passed(self, sequence: int) -> bool:
        """Whether what comes for this place comes too late."""
        return self._next is not None and sequence < self._next

    def misses(self, sequence: int) -> bool:
        """Whether this place was given up."""
        return sequence in self._missing

    def put(self, packet: Held) -> Fate:
        """Keep it until it is due, unless it is there or its place is given up."""
        sequence = packet.sequence
        if self.has_passed(sequence):
            if not self.misses(sequence):
                return Fate.DOUBLED
            del self._missing[sequence]
            return Fate.LATE
        if sequence in self._held:
            return Fate.DOUBLED
        self._held[sequence] = packet
        self._bytes += len(packet.payload)
        return Fate.KEPT

    def repeat(self, packet: Held) -> None:
        """What another packet repeats of one; it is heard only where that one is given up."""
        if not self.has_passed(packet.sequence) and len(self._repeated) < MOST_REPEATED:
            self._repeated.setdefault(packet.sequence, packet)

    def restamp(self, stamp: Callable[[int], int]) -> None:
        """What waits has other timestamps, and what was before it."""
        self._timestamp = None if self._timestamp is None else stamp(self._timestamp)
        for waiting in (self._held, self._repeated):
            for sequence, packet in waiting.items():
                waiting[sequence] = packet._replace(timestamp=stamp(packet.timestamp))

    def due(self, now: float) -> Iterator[Held]:
        """What follows in order, and what follows a place that was waited for long enough."""
        while self._held:
            if self._next is None:
                self._go_to(min(self._held))
            assert self._next is not None  # noqa: S101
            packet = self._held.pop(self._next, None)
            if packet is not None:
                self._bytes -= len(packet.payload)
            elif not self._is_waited_for(now):
                return
            elif (packet := self._heard_of_others(self._next)) is None:
                self._give_up(self._next)
                continue
            self._go_to(self._next + 1)
            self._timestamp = packet.timestamp if packet.samples else self._timestamp
            yield packet

    def _go_to(self, sequence: int) -> None:
        self._next = sequence
        for old in [each for each in self._repeated if each < sequence]:
            del self._repeated[old]

    def _heard_of_others(self, sequence: int) -> Held | None:
        """What others repeat of it, if its time is between those of its neighbours: of its place they say nothing."""
        repeated, follower = self._repeated.get(sequence), self._held[min(self._held)]
        if repeated is None or signed(follower.timestamp - repeated.timestamp, 32) < repeated.samples:
            return None
        is_behind = self._timestamp is None or signed(repeated.timestamp - self._timestamp, 32) > 0
        return repeated if is_behind else None

    def _is_waited_for(self, now: float) -> bool:
        return self.is_full or now - next(iter(self._held.values())).arrived >= self._wait

    def _give_up(self, first: int) -> None:
        """The places from here to the next of which something is there."""
        until = min([*self._held, *(each for each in self._repeated if each > first)])
        self.lost += until - first
        self._missing.update(dict.fromkeys(range(max(first, until - MOST_MISSING), until)))
        for old in list(islice(self._missing, max(0, len(self._missing) - MOST_MISSING))):
            del self._missing[old]
        self._go_to(until)
