"""How long a source's packets are on their way: where its sound belongs on the call's clock, whatever its own does.

The fastest packet of the last seconds was held up by nothing but the way itself; where the sender tells its own clock,
the comparison reaches back further. All figures are samples.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from services.calls.packets.opus import RATE

BUCKET_SECONDS = 5.0
BUCKETS = 3
BUCKETS_WITH_REPORTS = 12
MOST_APART = RATE // 10
MOST_HELD_UP, MOST_NOISE = RATE // 2, RATE // 50
SMOOTHING = 8
ENOUGH = 25


@dataclass(slots=True)
class Bucket:
    """The fastest packet of some seconds, by its arrival alone and beside the sender's clock."""

    number: int
    by_arrival: float = inf
    by_report: float = inf
    packets: int = 0


class Transit:
    """Of one source: arrivals, and what its sender reports said, each less the timestamp."""

    def __init__(self) -> None:
        self._buckets: deque[Bucket] = deque()
        self._report: float | None = None
        self._by_arrival = inf
        self._by_report = inf
        self._packets = 0

    @property
    def is_settled(self) -> bool:
        """Whether enough came for some seconds to say that none was faster, as in a burst after a stall."""
        return self._packets >= ENOUGH

    def observe(self, arrival: float, seconds: float) -> None:
        """A packet arrived so many seconds into the call, and that many samples after its timestamp."""
        number = int(seconds // BUCKET_SECONDS)
        if not self._buckets or number > self._buckets[-1].number:
            self._begin(number)
        newest = self._buckets[-1]
        newest.packets += 1
        if arrival < newest.by_arrival:
            newest.by_arrival = arrival
        if self._report is not None and arrival - self._report < newest.by_report:
            newest.by_report = arrival - self._report

    def report(self, clock: float) -> None:
        """The sender's clock was that many samples after its timestamp."""
        if self._report is None or abs(clock - self._report) > MOST_APART:
            self._report, self._by_report = clock, inf
            for bucket in self._buckets:
                bucket.by_report = inf
        else:
            self._report += (clock - self._report) / SMOOTHING

    def fastest(self) -> float:
        """How many samples after its timestamp a packet's sound belongs now.

        The sender's clock may say that all packets of late were held up, and not that they were faster than they were.
        """
        newest = self._buckets[-1]
        by_arrival = min(self._by_arrival, newest.by_arrival)
        if self._report is not None:
            by_report = self._report + min(self._by_report, newest.by_report)
            if -MOST_HELD_UP <= by_report - by_arrival <= MOST_NOISE:
                return by_report
        return by_arrival

    def _begin(self, number: int) -> None:
        """A bucket, with what is to be known of those before it, as far as they are not too old."""
        while self._buckets and self._buckets[0].number <= number - BUCKETS_WITH_REPORTS:
            self._buckets.popleft()
        recent = [bucket for bucket in self._buckets if bucket.number > number - BUCKETS]
        self._by_arrival = min((bucket.by_arrival for bucket in recent), default=inf)
        self._by_report = min((bucket.by_report for bucket in self._buckets), default=inf)
        self._packets = sum(bucket.packets for bucket in recent)
        self._buckets.append(Bucket(number))
