"""What the operators are told: how much stands where, for how long, and what was done so far.

Ages are in seconds of the store's own time. Sums never fall.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.interviews.model import PartState
from services.recordings.ports.keyring import EpochState

PROCESSING_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
TURNAROUND_BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
OUTCOMES = ("delivered", "failed", "dead")
FATES = ("kept", "recovered", "lost", "late", "doubled", "skipped", "foreign", "odd")
CALL_ENDS = ("ended", "aborted")


def bucket(seconds: float, bounds: tuple[float, ...]) -> int:
    """Which bucket the seconds fall into; the one after the last bound holds what is above all of them."""
    return bisect_left(bounds, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Records that wait for the same thing: how many, and the ages of the oldest and of the longest silent."""

    number: int = 0
    oldest_seconds: float = 0.0
    silent_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often each bucket was met (not added up), and the sum of what was met."""

    buckets: tuple[int, ...]
    sum: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """The passes of a sweep or of an audit; no age where there never was one."""

    number: int = 0
    age_seconds: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What was done since the database was made. `talked` is from a side's last packet to its transcript."""

    ended: Mapping[PartState, int]
    failures: Mapping[str, int]
    deliveries: int
    webhooks: Mapping[str, int]
    restarts: Mapping[str, int]
    processing: Histogram
    turnaround: Histogram
    sweeps: Passes
    audits: Passes
    calls: Mapping[str, int] = field(default_factory=dict)
    packets: Mapping[str, int] = field(default_factory=dict)
    odd_packets: Mapping[str, int] = field(default_factory=dict)
    talked: Histogram = field(default_factory=lambda: Histogram(buckets=(0,) * (len(TURNAROUND_BOUNDS) + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What the store writes to, in bytes."""

    bytes: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochsStanding:
    """How many epochs are in each state, how old the oldest and the newest are whose keys are there, what is sealed."""

    states: Mapping[EpochState, int] = field(default_factory=dict)
    oldest_seconds: float = 0.0
    newest_seconds: float = 0.0
    recordings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What is to go: erasures that are not done, with the age of the oldest that waits for no hold; legal holds.

    `removed` counts what went by the rules of retention, by kind and rule.
    """

    erasures: Line = field(default_factory=Line)
    holds: int = 0
    kept_seconds: float = 0.0
    removed: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsStanding:
    """How many were made, by the end that they tell of; chains; and for how long the oldest that is to follow is due.

    A conflict is a number that another process took first.
    """

    made: Mapping[str, int] = field(default_factory=dict)
    conflicts: int = 0
    chains: int = 0
    overdue_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """Recordings that arrive in pieces: how many, about how many bytes of them are here, the age of the oldest.

    `overdue_seconds`: since when the one has expired that should have been given up first. `behind_seconds`: since when
    a stretch of one has been due that is not listened to yet.
    """

    number: int = 0
    bytes: int = 0
    oldest_seconds: float = 0.0
    overdue_seconds: float = 0.0
    behind_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Talking:
    """Calls that go on: how many, with ports, since when the one has been silent of which nothing came for longest.

    `ending_seconds` is for how long one is not ended that somebody began to end, `jitter_seconds` the largest now.
    """

    number: int = 0
    with_ports: int = 0
    silent_seconds: float = 0.0
    jitter_seconds: float = 0.0
    ending: int = 0
    ending_seconds: float = 0.0
    receivers: int = 0
    places: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything at one moment."""

    lines: Mapping[PartState, Line]
    unsettled: Line
    scoring: Line
    webhooks: Line
    kept: int
    files: int
    bytes: int
    workers: int
    slots: int
    totals: Totals
    epochs: EpochsStanding = field(default_factory=EpochsStanding)
    disk: Disk | None = None
    forgetting: Forgetting = field(default_factory=Forgetting)
    receipts: ReceiptsStanding = field(default_factory=ReceiptsStanding)
    arriving: Arriving = field(default_factory=Arriving)
    talking: Talking = field(default_factory=Talking)

    @property
    def oldest_recording_seconds(self) -> float:
        """Since when the oldest recording that is stored is on its way, or has failed and is kept for a retry."""
        return max([self.forgetting.kept_seconds, *(line.oldest_seconds for line in self.lines.values())])
