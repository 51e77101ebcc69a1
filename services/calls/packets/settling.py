"""Which packets are in the pages that are given out: what is counted as kept, and behind which another one goes on."""

from collections import deque
from typing import NamedTuple

from services.calls.packets.counts import Counts
from services.calls.packets.ogg import OggWriter
from services.calls.packets.opus import RATE

NUMBERS = 1 << 16


class Placed(NamedTuple):
    """Where in the stream packets end, how many, and the last one's number."""

    end: int
    sequence: int
    packets: int


class Settling:
    """Gives out the pages of a side's stream, and counts what is in them."""

    def __init__(self, writer: OggWriter, counts: Counts) -> None:
        self._writer = writer
        self._counts = counts
        self._placed: deque[Placed] = deque()

    def note(self, sequence: int, packets: int) -> None:
        """Where the stream ends with it; there end those too that were left out behind it. A page is settled as one."""
        end = self._writer.written
        if self._placed and (self._placed[-1].end == end or self._placed[-1].end > self._writer.page_end):
            packets += self._placed.pop().packets
        self._placed.append(Placed(end, sequence, packets))

    def give_out(self) -> bytes:
        """The whole pages that were not given out yet."""
        while self._placed and self._placed[0].end <= self._writer.page_end:
            placed = self._placed.popleft()
            self._counts.settled += placed.packets
            self._counts.settled_sequence = placed.sequence % NUMBERS
        self._counts.settled_seconds = self._writer.page_end / RATE
        return self._writer.take_pages()
