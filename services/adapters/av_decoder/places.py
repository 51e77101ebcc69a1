"""Where the bytes at which a recording can be entered stand in its sound, found as it is decoded.

By the sound alone, not by the container's times: those leap where nothing is missing, and begin anew at joints.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.adapters.av_decoder.entering import NONSENSE, enterable
from services.adapters.av_decoder.source import Source
from services.recordings.formats import Container

APART = 0.2  # seconds
EXACT = 0.0015
MOST_PLACES = 4_000
# Each packet of these can be entered, and is counted from there.
BY_PACKET = (Container.MP3, Container.AAC, Container.WAV)


@dataclass(frozen=True, slots=True)
class InSound:
    """A byte, the second of the sound that begins there, and between which bytes lies what belongs before it."""

    offset: int
    seconds: float
    head: int = 0
    head_end: int = 0

    def moved(self, bytes: int) -> "InSound":
        return replace(self, offset=self.offset + bytes, head=self.head + bytes, head_end=self.head_end + bytes)


@dataclass(frozen=True, slots=True)
class Entered:
    """How a recording was entered: its first `head` bytes belong before the others, and so many were left out `before`.

    Sound of what follows upon the head was the sample of this number.
    """

    head: int = 0
    samples: int = 0
    before: int = 0

    def late(self, begins: float | None, packet: float | None, frame: float | None, dropped: float) -> float:
        """How much of what follows gives no sound, by the times of the first packet, the first with sound, and that.

        A decoder drops what it would drop at the beginning, where a head says so: of a packet so much, if all the rest
        of it is there, which is more exact than times.
        """
        if not self.before or begins is None or packet is None:
            return 0.0
        if not self.head or frame is None:
            return max(0.0, packet - begins)
        return packet - begins + dropped if abs(frame - packet - dropped) < EXACT else max(0.0, frame - begins)


class Places:
    """Of one recording: told of each packet that has sound, it finds those that can be entered; few of very many.

    The beginning is one always.
    """

    def __init__(self, kind: Container, data: Source) -> None:
        self._head = 0
        self._by_packet = False
        self._offsets = self._found(kind, data) if isinstance(data, bytes) else iter(())
        self._next = self._following()
        self._apart = APART
        self.found: list[InSound] = []

    def _found(self, kind: Container, data: bytes) -> Iterator[int]:
        place = enterable(kind, data)
        if place is None:
            return iter(())
        self._head = 0 if kind in (Container.MP3, Container.AAC) else place.head
        self._by_packet = kind in BY_PACKET
        return (entry.offset for entry in place.entries(place.first))

    def packet(self, at: int | None, seconds: float) -> None:
        """Sound of the packet at this byte begins at this second."""
        offset = at if self._by_packet else self._latest(at)
        if not self.found:
            self.found.append(InSound(0, seconds))  # the recording's own beginning
        elif offset is not None and seconds - self.found[-1].seconds >= self._apart:
            self.found.append(InSound(offset, seconds, 0, self._head))
        if len(self.found) > MOST_PLACES:
            self._apart *= 2
            del self.found[1::2]

    def _following(self) -> int | None:
        """The next that can be entered; none behind damage that makes no sense."""
        try:
            return next(self._offsets, None)
        except NONSENSE:
            return None

    def _latest(self, at: int | None) -> int | None:
        """The last one up to here, if it was not told before; what is behind it is looked for next."""
        latest: int | None = None
        while at is not None and self._next is not None and self._next <= at:
            latest, self._next = self._next, self._following()
        return latest


def all_places(places: list[list[InSound]], edges: list[tuple[int, int]]) -> list[InSound]:
    """Those of all recordings of a file, with its own bytes."""
    moved = ([one.moved(start) for one in found] for found, (start, _) in zip(places, edges, strict=True))
    return list(itertools.chain.from_iterable(moved))
