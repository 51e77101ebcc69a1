"""What the operators are shown, as JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from routes.answers import FailureOut
from services.interview import Part, PartState
from services.ports.operations import Ended, Entry, Place, Recent, SessionSeen, Stored, Stuck, Wait
from services.ports.workers import WorkerSign
from services.readings import Line, Passes, Reading
from services.upkeep import Counts
from services.watch import Sight

PLACE_PATTERN = r"^[0-9]{1,14}-[0-9a-f]{24}$"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MEANINGS: dict[str, str] = {name: entry.metadata["what"] for name, entry in Counts.__dataclass_fields__.items()}


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names; its form is checked by PLACE_PATTERN."""
    if cursor is None:
        return None
    milliseconds, _, id = cursor.partition("-")
    return Place(EPOCH + timedelta(milliseconds=int(milliseconds)), id)


def cursor_of(at: datetime | None, id: str) -> str:
    return f"{((at or EPOCH) - EPOCH) // timedelta(milliseconds=1)}-{id}"


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


class OverviewOut(BaseModel):
    """How everything stands, not older than a few seconds."""

    uploading: LineOut
    queued: LineOut
    processing: LineOut
    unsettled: LineOut = Field(description="Ended, and the clean-up is not confirmed.")
    scoring: LineOut
    completed: dict[str, int] = Field(description="By minutes: the last 1, 5 and 60.", examples=[{"1": 4, "5": 19}])
    failed: FailuresOut
    stuck: dict[Wait, int] = Field(description="Waits for over `stuck_seconds`; counted up to 1000.")
    stuck_seconds: int
    storage: StorageOut
    workers: list[WorkerOut]
    broker: bool = Field(description="Whether Redis answers; without it answers are taken, and found by the sweep.")
    rings_waiting: int | None
    sweep: PassesOut
    audit: PassesOut


def overview(
    reading: Reading,
    sight: Sight,
    recent: Recent,
    stuck: dict[Wait, int],
    stuck_seconds: int,
    stored: dict[str, Stored],
    workers: list[WorkerSign],
) -> OverviewOut:
    return OverviewOut(
        uploading=LineOut.of(reading.lines[PartState.UPLOADING]),
        queued=LineOut.of(reading.lines[PartState.QUEUED]),
        processing=LineOut.of(reading.lines[PartState.PROCESSING]),
        unsettled=LineOut.of(reading.unsettled),
        scoring=LineOut.of(reading.scoring),
        completed={str(minutes): number for minutes, number in recent.completed.items()},
        failed=FailuresOut(
            hour=dict(recent.failed_in_hour), day=dict(recent.failed_in_day), ever=dict(reading.totals.failures)
        ),
        stuck=stuck,
        stuck_seconds=stuck_seconds,
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
    )


class AnswerSeenOut(BaseModel):
    question_id: str
    take: int
    status: str
    code: str | None = Field(description="Of a failed one: the code of the reason.")
    audio_stored: bool


class SessionSeenOut(BaseModel):
    """A session in short; `GET /api/sessions/{session_id}` shows an admin the whole."""

    session_id: str
    user_id: str
    title: str | None
    created_at: datetime
    questions: int
    answers: list[AnswerSeenOut]

    @classmethod
    def of(cls, seen: SessionSeen) -> "SessionSeenOut":
        answers = [
            AnswerSeenOut(
                question_id=a.question_id, take=a.take, status=a.status, code=a.code, audio_stored=a.audio_stored
            )
            for a in seen.answers
        ]
        return cls(
            session_id=seen.id,
            user_id=seen.user_id,
            title=seen.title,
            created_at=seen.created_at,
            questions=seen.questions,
            answers=answers,
        )


class SessionsSeenOut(BaseModel):
    sessions: list[SessionSeenOut]


class PartOut(BaseModel):
    """One recording, as its record says."""

    session_id: str
    question_id: str
    take: int
    file_id: str
    user_id: str
    state: PartState
    bytes: int
    deliveries: int = Field(description="How often a worker took it since it was accepted, or retried.")
    retries: int
    error: FailureOut | None = Field(description="The last trouble that was met with it.")


def part_fields(part: Part) -> dict[str, Any]:
    failure = part.failure
    return {
        "session_id": part.session_id,
        "question_id": part.question_id,
        "take": part.take,
        "file_id": part.id,
        "user_id": part.user_id,
        "state": part.state,
        "bytes": part.bytes,
        "deliveries": part.deliveries,
        "retries": part.retries,
        "error": FailureOut(code=failure.code, sentence=failure.sentence) if failure else None,
    }


class StuckOut(PartOut):
    """A recording that waits for too long. `can_fail`: an operator may end it."""

    wait: Wait
    since: datetime | None
    seconds: float
    owner: str | None = Field(description="The worker that has it, or had it last.")
    can_fail: bool

    @classmethod
    def of(cls, stuck: Stuck) -> "StuckOut":
        return cls(
            **part_fields(stuck.part),
            wait=stuck.wait,
            since=stuck.since,
            seconds=stuck.seconds,
            owner=stuck.owner,
            can_fail=stuck.wait in (Wait.QUEUED, Wait.PROCESSING),
        )


class StuckListOut(BaseModel):
    seconds: int
    stuck: list[StuckOut]


class FailedOut(PartOut):
    """A recording that failed. `can_retry`: its audio is kept, and no newer take was accepted."""

    failed_at: datetime | None
    audio_kept: bool
    can_retry: bool

    @classmethod
    def of(cls, ended: Ended) -> "FailedOut":
        kept = ended.part.keep_audio
        return cls(
            **part_fields(ended.part),
            failed_at=ended.part.completed_at,
            audio_kept=kept,
            can_retry=kept and ended.is_newest,
        )


class FailedListOut(BaseModel):
    failed: list[FailedOut]
    next: str | None = Field(description="Send it as `before` for the page after this one; null on the last.")

    @classmethod
    def of(cls, found: list[Ended], limit: int) -> "FailedListOut":
        last = found[-1].part if len(found) == limit else None
        next = cursor_of(last.completed_at, last.id) if last else None
        return cls(failed=[FailedOut.of(ended) for ended in found], next=next)


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


class EntryOut(BaseModel):
    """What an operator did. No outcome: the process ended before it was known; look at the answer itself."""

    id: str
    at: datetime
    who: str
    action: Literal["retry", "fail", "sweep"]
    on: dict[str, Any]
    reason: str | None
    before: dict[str, Any]
    outcome: Literal["done", "refused", "broke_off"] | None
    after: dict[str, Any] | None
    ended_at: datetime | None
    request_id: str

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        deed = entry.deed
        return cls(
            id=entry.id,
            at=entry.at,
            who=deed.who,
            action=deed.action.value,
            on=dict(deed.on),
            reason=deed.reason,
            before=dict(deed.before),
            outcome=entry.outcome.value if entry.outcome else None,
            after=None if entry.after is None else dict(entry.after),
            ended_at=entry.ended_at,
            request_id=deed.request_id,
        )


class AuditOut(BaseModel):
    entries: list[EntryOut]
    next: str | None = Field(description="Send it as `before` for the page after this one; null on the last.")

    @classmethod
    def of(cls, found: list[Entry], limit: int) -> "AuditOut":
        next = cursor_of(found[-1].at, found[-1].id) if len(found) == limit else None
        return cls(entries=[EntryOut.of(entry) for entry in found], next=next)
