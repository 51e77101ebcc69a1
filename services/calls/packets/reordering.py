"""The jitter buffer: packets in order, each waited for as long as is said."""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple

MOST_HELD = 512
MOST_HELD_BYTES = 256 * 1024
MOST_MISSING = 1000


class Held(NamedTuple):
    """A packet with its extended sequence number; without samples it only takes its place in the order."""

    sequence: int
    timestamp: int
    arrived: float
    payload: bytes
    samples: int


class Fate(Enum):
    KEPT = auto()
    LATE = auto()
    DOUBLED = auto()


class Reordering:
    """Packets of one source. `lost` is how many places were given up."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._held: dict[int, Held] = {}
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

    def restamp(self, stamp: Callable[[int], int]) -> None:
        """What waits has other timestamps."""
        for sequence, packet in self._held.items():
            self._held[sequence] = packet._replace(timestamp=stamp(packet.timestamp))

    def due(self, now: float) -> Iterator[Held]:
        """What follows in order, and what follows a place that was waited for long enough."""
        while self._held:
            if self._next is None:
                self._next = min(self._held)
            packet = self._held.pop(self._next, None)
            if packet is None:
                if not self._is_waited_for(now):
                    return
                self._give_up(min(self._held))
                continue
            self._next += 1
            self._bytes -= len(packet.payload)
            yield packet

    def _is_waited_for(self, now: float) -> bool:
        return self.is_full or now - next(iter(self._held.values())).arrived >= self._wait

    def _give_up(self, until: int) -> None:
        first = until if self._next is None else self._next
        self.lost += until - first
        self._missing.update(dict.fromkeys(range(max(first, until - MOST_MISSING), until)))
        for old in list(islice(self._missing, max(0, len(self._missing) - MOST_MISSING))):
            del self._missing[old]
        self._next = until
