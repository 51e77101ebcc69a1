"""The figures that operators are shown, as JSON: how everything stands, and what a sweep did."""

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field

from services.interviews.model import PartState
from services.operations.overview import Sight
from services.operations.ports.trends import Bin, TrendSpan
from services.operations.ports.views import Recent, Stored, Wait
from services.operations.readings import Arriving, Line, Passes, Reading, Talking
from services.operations.sweep import Counts
from services.recordings.ports.workers import WorkerSign

MEANINGS: dict[str, str] = {name: entry.metadata["what"] for name, entry in Counts.__dataclass_fields__.items()}


class LineOut(BaseModel):
    """How many wait, the age of the oldest, and the longest silence of who uploads or transcribes."""

    number: int
    oldest_seconds: float
    silent_seconds: float

    @classmethod
    def of(cls, line: Line) -> "LineOut":
        return cls(number=line.number, oldest_seconds=line.oldest_seconds, silent_seconds=line.silent_seconds)


class FailuresOut(BaseModel):
    """Failed recordings by the code of the reason; `ever` counts each end, also of what was retried since."""

    hour: dict[str, int] = Field(examples=[{"engine_unavailable": 2}])
    day: dict[str, int]
    ever: dict[str, int]


class StoredOut(BaseModel):
    documents: int
    bytes: int
    disk_bytes: int = Field(description="What the collection takes on disk, without its indexes.")

    @classmethod
    def of(cls, stored: Stored) -> "StoredOut":
        return cls(documents=stored.documents, bytes=stored.bytes, disk_bytes=stored.disk_bytes)


class StorageOut(BaseModel):
    """The recordings that are stored; `kept` of them are of failed answers, for a retry."""

    recordings: int
    audio_bytes: int
    kept: int
    files: StoredOut
    chunks: StoredOut


class WorkerOut(BaseModel):
    name: str
    engine: str
    slots: int = Field(description="Recordings that it transcribes at once.")
    seen_at: datetime | None

    @classmethod
    def of(cls, sign: WorkerSign) -> "WorkerOut":
        return cls(name=sign.name, engine=sign.engine, slots=sign.slots, seen_at=sign.seen_at)


class PassesOut(BaseModel):
    """The passes of the sweep, or of the look for stray audio; no age where there never was one."""

    runs: int
    age_seconds: float | None

    @classmethod
    def of(cls, passes: Passes) -> "PassesOut":
        return cls(runs=passes.number, age_seconds=passes.age_seconds)


class ArrivingOut(BaseModel):
    """Recordings that arrive in pieces, the sides of calls among them."""

    number: int
    bytes: int = Field(description="About so many of them are stored; not among those of `storage`.")
    oldest_seconds: float

    @classmethod
    def of(cls, arriving: Arriving) -> "ArrivingOut":
        return cls(number=arriving.number, bytes=arriving.bytes, oldest_seconds=arriving.oldest_seconds)


class CallsOut(BaseModel):
    """Calls that go on."""

    open: int
    ending: int = Field(description="Take nothing more, and have not ended.")
    receivers: int = Field(description="Processes that take in RTP by UDP.")
    places: int = Field(description="So many calls these take in at once.")
    places_taken: int

    @classmethod
    def of(cls, now: Talking) -> "CallsOut":
        return cls(
            open=now.number,
            ending=now.ending,
            receivers=now.receivers,
            places=now.places,
            places_taken=now.with_ports,
        )


class OverviewOut(BaseModel):
    """How everything stands, not older than a few seconds."""

    uploading: LineOut
    queued: LineOut
    processing: LineOut
    unsettled: LineOut = Field(description="Ended, and the clean-up is not confirmed.")
    scoring: LineOut
    erasures: LineOut = Field(description="To be erased, and not done; the oldest of those that no hold stops.")
    legal_holds: int = Field(description="Sessions under a legal hold.")
    completed: dict[str, int] = Field(description="By minutes: the last 1, 5 and 60.", examples=[{"1": 4, "5": 19}])
    failed: FailuresOut
    stuck: dict[Wait, int] = Field(description="Waits for over `stuck_seconds`; counted up to 1000.")
    stuck_seconds: int
    arriving: ArrivingOut
    calls: CallsOut
    storage: StorageOut
    workers: list[WorkerOut]
    broker: bool = Field(description="Whether Redis answers; without it answers are taken, and found by the sweep.")
    rings_waiting: int | None
    sweep: PassesOut
    audit: PassesOut
    grafana_url: str | None = Field(description="Where Grafana is, if GRAFANA_URL says so.")


def overview(
    reading: Reading,
    sight: Sight,
    recent: Recent,
    stuck: dict[Wait, int],
    stuck_seconds: int,
    stored: dict[str, Stored],
    workers: list[WorkerSign],
    grafana_url: str | None,
) -> OverviewOut:
    return OverviewOut(
        uploading=LineOut.of(reading.lines[PartState.UPLOADING]),
        queued=LineOut.of(reading.lines[PartState.QUEUED]),
        processing=LineOut.of(reading.lines[PartState.PROCESSING]),
        unsettled=LineOut.of(reading.unsettled),
        scoring=LineOut.of(reading.scoring),
        erasures=LineOut.of(reading.forgetting.erasures),
        legal_holds=reading.forgetting.holds,
        completed={str(minutes): number for minutes, number in recent.completed.items()},
        failed=FailuresOut(
            hour=dict(recent.failed_in_hour), day=dict(recent.failed_in_day), ever=dict(reading.totals.failures)
        ),
        stuck=stuck,
        stuck_seconds=stuck_seconds,
        arriving=ArrivingOut.of(reading.arriving),
        calls=CallsOut.of(reading.talking),
        storage=StorageOut(
            recordings=reading.files,
            audio_bytes=reading.bytes,
            kept=reading.kept,
            files=StoredOut.of(stored["files"]),
            chunks=StoredOut.of(stored["chunks"]),
        ),
        workers=[WorkerOut.of(sign) for sign in workers],
        broker=sight.rings is not None,
        rings_waiting=sight.rings,
        sweep=PassesOut.of(reading.totals.sweeps),
        audit=PassesOut.of(reading.totals.audits),
        grafana_url=grafana_url,
    )


class BinOut(BaseModel):
    """What is known of some minutes; `seen` says whether anything is. A retry counts as accepted anew."""

    since: datetime
    seen: bool
    accepted: int
    completed: int
    failed: int
    waiting: int | None = Field(description="The most that waited at once, where that was looked at.")


class TrendsOut(BaseModel):
    """The last hour or day in spans of `bin_seconds`, oldest first; the newest is not over."""

    span: TrendSpan
    bin_seconds: int
    bins: list[BinOut]

    @classmethod
    def of(cls, span: TrendSpan, bins: list[Bin]) -> "TrendsOut":
        return cls(span=span, bin_seconds=span.minutes * 60, bins=[BinOut(**asdict(bin)) for bin in bins])


class Did(BaseModel):
    name: str = Field(examples=["reclaimed"])
    what: str = Field(examples=["answers taken back from workers that fell silent"])
    count: int


class SweptOut(BaseModel):
    """What the sweep and the look for stray audio did, or would do."""

    dry_run: bool
    counts: list[Did]

    @classmethod
    def of(cls, counts: dict[str, int], *, dry_run: bool) -> "SweptOut":
        did = [Did(name=name, what=MEANINGS.get(name, name), count=count) for name, count in counts.items()]
        return cls(dry_run=dry_run, counts=did)
