"""Ports in memory, on one store and one clock; the contract tests hold them to what MongoDB does."""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.errors import (
    AudioMissing,
    IdempotencyInFlight,
    IdempotencyMismatch,
    QuestionNotFound,
    SessionExists,
    SessionNotFound,
)
from services.events import MOST_KEPT, SHOWN_AS, Event, EventType
from services.interview import (
    DROPPED,
    ENDED,
    LIVE,
    Answer,
    Evaluation,
    Failure,
    Mark,
    Part,
    PartId,
    PartState,
    QuestionId,
    Session,
    SessionId,
    Status,
    UserId,
    Viewer,
    is_id,
    sources,
)
from services.ports.access import Hold, Kept, Keyed
from services.ports.audio import Deletion, Stored
from services.ports.elections import Election
from services.ports.records import Load
from services.ports.sessions import News, Take
from services.ports.upkeep import Findings
from services.ports.webhooks import Delivery, DeliveryId
from services.ports.workers import WorkerSign
from services.transcript import Transcript

PENDING = (PartState.QUEUED, PartState.PROCESSING)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def is_past(self, moment: datetime | None, seconds: float = 0.0) -> bool:
        return moment is None or moment <= self.after(-seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The times and numbers that the adapters are built with."""

    lease_seconds: float = 60.0
    max_deliveries: int = 3
    upload_silence_seconds: float = 60.0
    ring_again_seconds: float = 30.0
    settle_grace_seconds: float = 10.0
    replay_lease_seconds: float = 15.0


@dataclass(slots=True)
class Row:
    """A part, and what its record says besides."""

    part: Part
    heartbeat_at: datetime | None = None
    not_before: datetime | None = None
    rung_at: datetime | None = None
    claimed_at: datetime | None = None
    accepted_at: datetime | None = None
    counted: bool = False
    settled: bool = True
    to_score: bool = False
    score_failures: int = 0
    score_after: datetime | None = None
    owner: str | None = None
    transcript: Transcript | None = None
    processing_seconds: float = 0.0
    deletion: Deletion | None = None


@dataclass(slots=True)
class Replay:
    """What is known of a key."""

    path: str
    fingerprint: str | None
    hold: Hold
    held_at: datetime | None
    answer: Kept | None = None


@dataclass(slots=True)
class Memory:
    """What all fakes of a test share."""

    clock: Clock = field(default_factory=Clock)
    terms: Terms = field(default_factory=Terms)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    takes: dict[tuple[SessionId, QuestionId], int] = field(default_factory=dict)
    analyses: dict[SessionId, dict[str, object]] = field(default_factory=dict)
    analyzed: dict[SessionId, int] = field(default_factory=dict)
    events: dict[SessionId, list[Event]] = field(default_factory=dict)
    rows: dict[PartId, Row] = field(default_factory=dict)
    files: dict[PartId, dict[str, object]] = field(default_factory=dict)
    chunks: dict[PartId, list[bytes]] = field(default_factory=dict)
    workers: dict[str, WorkerSign] = field(default_factory=dict)
    counters: dict[str, dict[str, float]] = field(default_factory=dict)
    passed: dict[str, datetime] = field(default_factory=dict)
    endings: list[Row] = field(default_factory=list)
    replays: dict[tuple[UserId, str], Replay] = field(default_factory=dict)
    deliveries: dict[DeliveryId, Delivery] = field(default_factory=dict)
    elections: int = 1

    def row(self, id: PartId, to: PartState, *states: PartState) -> Row | None:
        """The row if it is in one of these states and may come from there into that one."""
        row = self.rows.get(id)
        allowed = row is not None and row.part.state in states and row.part.state in sources(to)
        return row if allowed else None

    def move(self, row: Row, **values: Any) -> Part:
        row.part = replace(row.part, rev=row.part.rev + 1, **values)
        return row.part

    def end(self, row: Row, state: PartState, **values: Any) -> Part:
        row.settled = False
        return self.move(row, state=state, completed_at=self.clock.now, **values)

    def queue_again(self, row: Row, *, delay: float = 0.0, rung: bool = False, **values: Any) -> Part:
        row.not_before, row.rung_at, row.owner = self.clock.after(delay), self.clock.now if rung else None, None
        return self.move(row, state=PartState.QUEUED, fence=row.part.fence + 1, **values)

    def having(self, wanted: Callable[[Row], bool]) -> list[Row]:
        return [row for row in self.rows.values() if wanted(row)]

    def is_silent(self, row: Row) -> bool:
        return row.part.state is PartState.PROCESSING and self.clock.is_past(row.heartbeat_at, self.terms.lease_seconds)


class FakeSessions:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def create(self, session: Session) -> Session:
        if session.id in self._memory.sessions:
            raise SessionExists
        kept = replace(session, created_at=self._memory.clock.now)
        self._memory.sessions[session.id] = kept
        return replace(kept, answers=dict(kept.answers))

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        session = self._memory.sessions.get(id)
        if session is None or not (viewer.is_admin or viewer.user_id == session.user_id):
            raise SessionNotFound
        return replace(session, answers=dict(session.answers))

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        session = await self.get(id, viewer)
        question = session.question(question_id)
        if question is None:
            raise QuestionNotFound
        number = self._memory.takes.get((id, question_id), 0) + 1
        self._memory.takes[id, question_id] = number
        return Take(number, question, session.user_id, Election(self._memory.elections))

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        session, shown = self._shown(session_id, answer.question_id)
        if session is None:
            return False
        if shown is not None and (shown.take, shown.rev) >= (answer.take, answer.rev):
            return shown.take == answer.take
        if shown is not None and shown.take == answer.take and shown.status is answer.status is Status.COMPLETED:
            answer = replace(answer, mark=shown.mark, evaluation=shown.evaluation)
        self._write(session, answer)
        self._tell(session.id, SHOWN_AS[answer.status], answer)
        return True

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        session, shown = self._shown(session_id, question_id)
        if session is None or shown is None:
            return False
        if shown.take != take or shown.status is not Status.COMPLETED or shown.mark is not Mark.PENDING:
            return False
        mark = Mark.UNSCORED if evaluation.score is None else Mark.SCORED
        self._write(session, replace(shown, mark=mark, evaluation=evaluation))
        self._tell(session.id, EventType.SCORED, shown)
        return True

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        session = self._memory.sessions.get(id)
        if session is None or session.revision != revision:
            return False
        self._memory.analyses[id] = dict(analysis)
        if self._memory.analyzed.get(id) != revision:
            self._memory.analyzed[id] = revision
            self._tell(id, EventType.ANALYZED)
        return True

    def _tell(self, id: SessionId, type: EventType, answer: Answer | None = None) -> None:
        session = self._memory.sessions[id]
        about = {"question_id": answer.question_id, "take": answer.take, "status": answer.status} if answer else {}
        now = self._memory.clock.now
        event = Event(number=session.cursor + 1, type=type, session_id=id, at=now, **about)  # type: ignore[arg-type]
        kept = [*self._memory.events.get(id, []), event]
        self._memory.events[id] = kept[-MOST_KEPT:]
        self._memory.sessions[id] = replace(session, cursor=event.number)

    def _shown(self, id: SessionId, question_id: QuestionId) -> tuple[Session | None, Answer | None]:
        if not is_id(question_id):
            raise ValueError(question_id)
        session = self._memory.sessions.get(id)
        return session, session.answers.get(question_id) if session else None

    def _write(self, session: Session, answer: Answer) -> None:
        answers = {**session.answers, answer.question_id: answer}
        self._memory.sessions[session.id] = replace(session, answers=answers, revision=session.revision + 1)


class FakeEvents:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        session = await FakeSessions(self._memory).get(id, viewer)
        events = tuple(e for e in self._memory.events.get(id, []) if e.number > cursor)
        return News(session, events if len(events) == session.cursor - cursor else None)

    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        return {id: self._memory.sessions[id].cursor for id in ids if id in self._memory.sessions}


class FakeUploads:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def begin(self, part: Part) -> None:
        assert part.id not in self._memory.rows
        now = self._memory.clock.now
        self._memory.rows[part.id] = Row(replace(part, created_at=now), heartbeat_at=now)

    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        arriving = [row for id in ids if (row := self._memory.rows.get(id)) and row.part.state is PartState.UPLOADING]
        for row in arriving:
            row.heartbeat_at = self._memory.clock.now
        return set(ids) - {row.part.id for row in arriving}

    async def accept(self, id: PartId, sha256: str, size: int, seconds: float = 0.0) -> Part | None:
        row = self._memory.row(id, PartState.QUEUED, PartState.UPLOADING)
        if row is None:
            return None
        for same in self._memory.having(lambda other: _is_same_in_work(other.part, row.part, sha256)):
            return self._memory.move(same, take=max(same.part.take, row.part.take))
        row.not_before = row.rung_at = row.accepted_at = self._memory.clock.now
        what = {"sha256": sha256, "bytes": size, "estimated_seconds": seconds}
        return self._memory.move(row, state=PartState.QUEUED, **what)

    async def abort(self, id: PartId) -> Part | None:
        row = self._memory.row(id, PartState.ABORTED, PartState.UPLOADING)
        return self._memory.end(row, PartState.ABORTED) if row else None

    async def withdraw(self, id: PartId) -> Part | None:
        row = self._memory.row(id, PartState.ABORTED, PartState.QUEUED)
        return self._memory.end(row, PartState.ABORTED) if row else None

    async def supersede(self, session_id: SessionId, question_id: QuestionId, take: int) -> list[Part]:
        def is_older(row: Row) -> bool:
            part = row.part
            same = (part.session_id, part.question_id) == (session_id, question_id)
            return same and part.take < take and part.state in PENDING

        older = self._memory.having(is_older)
        return [self._memory.end(row, PartState.SUPERSEDED, fence=row.part.fence + 1) for row in older]


def _is_same_in_work(other: Part, part: Part, sha256: str) -> bool:
    same = (other.session_id, other.question_id, other.sha256) == (part.session_id, part.question_id, sha256)
    return same and other.state in PENDING


class FakeReplays:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def hold(self, request: Keyed, made_id: str) -> Hold | Kept:
        at, clock = (request.user_id, request.key), self._memory.clock
        found = self._memory.replays.get(at)
        if found is None:
            hold = Hold(id="/".join(at), holder=made_id, made_id=made_id, resumed=False)
            self._memory.replays[at] = Replay(request.path, request.fingerprint, hold, clock.now)
            return hold
        other = None not in (found.fingerprint, request.fingerprint) and found.fingerprint != request.fingerprint
        if found.path != request.path or other:
            raise IdempotencyMismatch
        if found.answer is not None:
            return found.answer
        if not clock.is_past(found.held_at, self._memory.terms.replay_lease_seconds):
            raise IdempotencyInFlight(retry_after=1)
        next_holder = f"{found.hold.holder}+"
        found.hold, found.held_at = replace(found.hold, holder=next_holder, resumed=True), clock.now
        return found.hold

    async def beat(self, hold: Hold) -> bool:
        return self._write(hold, held_at=self._memory.clock.now)

    async def name(self, hold: Hold, made_id: str) -> bool:
        return self._write(hold, hold=replace(hold, made_id=made_id))

    async def keep(self, hold: Hold, answer: Kept) -> bool:
        return self._write(hold, answer=answer, fingerprint=answer.fingerprint)

    async def release(self, hold: Hold) -> None:
        self._write(hold, held_at=None)

    def _write(self, held_as: Hold, **values: Any) -> bool:
        rows = self._memory.replays.values()
        held = [row for row in rows if (row.hold.id, row.hold.holder) == (held_as.id, held_as.holder)]
        for row in held:
            if row.answer is None:
                for name, value in values.items():
                    setattr(row, name, value)
                return True
        return False


class FakeRateLimits:
    """Allows what is left of each budget; a budget without a number is endless."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.hits: list[tuple[str, str]] = []

    async def hit(self, budget: str, who: str) -> float | None:
        self.hits.append((budget, who))
        if budget not in self.left:
            return None
        self.left[budget] -= 1
        return None if self.left[budget] >= 0 else 7.0


class FakeClaims:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def claim(self, id: PartId, owner: str) -> Part | None:
        row = self._memory.row(id, PartState.PROCESSING, *PENDING)
        if row is None or row.part.deliveries >= self._memory.terms.max_deliveries:
            return None
        is_due = row.part.state is PartState.QUEUED and self._memory.clock.is_past(row.not_before)
        if not is_due and not self._memory.is_silent(row):
            return None
        row.owner, row.claimed_at, row.heartbeat_at = owner, self._memory.clock.now, self._memory.clock.now
        fence, deliveries = row.part.fence + 1, row.part.deliveries + 1
        return self._memory.move(row, state=PartState.PROCESSING, fence=fence, deliveries=deliveries)

    async def beat(self, id: PartId, fence: int) -> bool:
        row = self._held(id, fence, PartState.PROCESSING)
        if row is not None:
            row.heartbeat_at = self._memory.clock.now
        return row is not None

    async def complete(self, id: PartId, fence: int, transcript: Transcript) -> Part | None:
        row = self._held(id, fence, PartState.COMPLETED)
        if row is None or row.claimed_at is None:
            return None
        row.transcript, row.to_score = transcript, True
        row.processing_seconds = (self._memory.clock.now - row.claimed_at).total_seconds()
        row.score_after = self._memory.clock.after(self._memory.terms.settle_grace_seconds)
        return self._memory.end(row, PartState.COMPLETED, failure=None)

    async def again(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        row = self._held(id, fence, PartState.QUEUED)
        return self._memory.queue_again(row, delay=delay, failure=failure) if row else None

    async def release(self, id: PartId, fence: int) -> Part | None:
        row = self._held(id, fence, PartState.QUEUED)
        return self._memory.queue_again(row, deliveries=row.part.deliveries - 1) if row else None

    async def fail(self, id: PartId, fence: int, failure: Failure, *, keep_audio: bool) -> Part | None:
        row = self._held(id, fence, PartState.FAILED)
        return self._memory.end(row, PartState.FAILED, failure=failure, keep_audio=keep_audio) if row else None

    def _held(self, id: PartId, fence: int, to: PartState) -> Row | None:
        row = self._memory.row(id, to, PartState.PROCESSING)
        return row if row and row.part.fence == fence else None


class FakeRecords:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def get(self, id: PartId) -> Part | None:
        row = self._memory.rows.get(id)
        return row.part if row else None

    async def transcript(self, id: PartId) -> Transcript | None:
        row = self._memory.rows.get(id)
        return row.transcript if row and row.part.state is PartState.COMPLETED else None

    async def newest_takes(self, session_id: SessionId) -> dict[QuestionId, int]:
        parts = [row.part for row in self._memory.rows.values() if row.part.state not in DROPPED]
        own = sorted((part for part in parts if part.session_id == session_id), key=lambda part: part.take)
        return {part.question_id: part.take for part in own}


class FakeBacklog:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def load(self, session_id: SessionId | None) -> Load:
        slots = sum(worker.slots for worker in await FakeWorkers(self._memory).alive())
        done = [row for row in self._memory.rows.values() if row.part.state is PartState.COMPLETED]
        done.sort(key=lambda row: row.part.completed_at or self._memory.clock.now)
        seconds = [row.processing_seconds for row in done[-20:]]
        return Load(self._ahead(session_id), max(1, slots), sum(seconds) / len(seconds) if seconds else 2.0)

    async def queued_seconds(self, user_id: UserId) -> float:
        parts = [row.part for row in self._memory.rows.values() if row.part.state in PENDING]
        return sum(part.estimated_seconds for part in parts if part.user_id == user_id)

    def _ahead(self, session_id: SessionId | None) -> int:
        pending = [row.part for row in self._memory.rows.values() if row.part.state in PENDING]
        if session_id is None:
            return len(pending)
        own = [part.created_at for part in pending if part.session_id == session_id and part.created_at]
        return sum(1 for part in pending if own and part.created_at and part.created_at <= max(own))


class FakeClosings:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def settle(self, id: PartId, rev: int, deletion: Deletion | None) -> bool:
        row = self._memory.rows.get(id)
        if row is None or row.part.rev != rev or row.part.state not in ENDED:
            return False
        row.settled = True
        if deletion is not None:
            before = row.deletion or Deletion(0, 0, 0)
            row.deletion = Deletion(before.files + deletion.files, before.chunks + deletion.chunks, deletion.left)
        return True

    async def scored(self, id: PartId) -> None:
        if row := self._memory.rows.get(id):
            row.to_score = False

    async def score_again(self, id: PartId, delay: float) -> int:
        row = self._memory.rows.get(id)
        if row is None or not row.to_score:
            return 0
        row.score_failures += 1
        row.score_after = self._memory.clock.after(delay)
        return row.score_failures


class FakeUpkeep:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def due(self, limit: int) -> list[PartId]:
        clock, silence = self._memory.clock, self._memory.terms.ring_again_seconds
        rows = [row for row in self._due() if clock.is_past(row.rung_at, silence)]
        rows.sort(key=lambda row: (row.rung_at is not None, row.rung_at))
        for row in rows[:limit]:
            row.rung_at = clock.now
        return [row.part.id for row in rows[:limit]]

    async def count_due(self, most: int = 1000) -> int:
        return min(most, len(self._due()))

    async def reclaim(self) -> list[Part]:
        return [self._memory.queue_again(row, rung=True) for row in self._silent()]

    async def bury(self, failure: Failure) -> list[Part]:
        what = {"failure": failure, "keep_audio": True}
        lost = self._exhausted()
        return [self._memory.end(row, PartState.FAILED, fence=row.part.fence + 1, **what) for row in lost]

    async def abandon(self) -> list[Part]:
        return [self._memory.end(row, PartState.ABORTED) for row in self._abandoned()]

    async def unsettled(self) -> list[Part]:
        return [row.part for row in self._unsettled()]

    async def unscored(self) -> list[PartId]:
        rows = self._unscored()
        for row in rows:
            row.score_after = self._memory.clock.after(self._memory.terms.ring_again_seconds)
        return [row.part.id for row in rows]

    async def expire(self, hours: float) -> list[Part]:
        over = self._expired(hours)
        for row in over:
            row.settled = False
        return [self._memory.move(row, keep_audio=False) for row in over]

    async def survey(self, hours: float) -> Findings:
        looks = (self._due, self._silent, self._exhausted, self._abandoned, self._unsettled, self._unscored)
        return Findings(*[len(rows) for rows in [*(look() for look in looks), self._expired(hours)]])

    async def owned(self, ids: list[PartId]) -> set[PartId]:
        rows = [self._memory.rows[id] for id in ids if id in self._memory.rows]
        return {row.part.id for row in rows if row.part.state in LIVE or row.part.keep_audio}

    def _due(self) -> list[Row]:
        queued = self._memory.having(lambda row: row.part.state is PartState.QUEUED)
        return [row for row in queued if self._memory.clock.is_past(row.not_before)]

    def _silent(self) -> list[Row]:
        return self._memory.having(lambda row: self._memory.is_silent(row) and not self._is_used_up(row))

    def _exhausted(self) -> list[Row]:
        used_up = self._memory.having(self._is_used_up)
        return [row for row in used_up if row.part.state is PartState.QUEUED or self._memory.is_silent(row)]

    def _abandoned(self) -> list[Row]:
        silence = self._memory.terms.upload_silence_seconds
        arriving = self._memory.having(lambda row: row.part.state is PartState.UPLOADING)
        return [row for row in arriving if self._memory.clock.is_past(row.heartbeat_at, silence)]

    def _unsettled(self) -> list[Row]:
        rows, grace = self._memory.having(lambda row: not row.settled), self._memory.terms.settle_grace_seconds
        return [row for row in rows if self._memory.clock.is_past(row.part.completed_at, grace)]

    def _unscored(self) -> list[Row]:
        return self._memory.having(lambda row: row.to_score and self._memory.clock.is_past(row.score_after))

    def _expired(self, hours: float) -> list[Row]:
        kept = self._memory.having(lambda row: row.part.state is PartState.FAILED and row.part.keep_audio)
        return [row for row in kept if self._memory.clock.is_past(row.part.completed_at, hours * 3600)]

    def _is_used_up(self, row: Row) -> bool:
        return row.part.deliveries >= self._memory.terms.max_deliveries


class FakeAudio:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        pieces = self._memory.chunks.setdefault(id, [])
        async for piece in data:
            pieces.append(piece)
        whole = b"".join(pieces)
        self._memory.files[id] = {**metadata, "upload_date": self._memory.clock.now}
        return Stored(hashlib.sha256(whole).hexdigest(), len(whole))

    async def is_whole(self, id: PartId, stored: Stored) -> bool:
        return id in self._memory.files and sum(map(len, self._memory.chunks.get(id, []))) == stored.size

    async def read(self, id: PartId) -> AsyncIterator[bytes]:
        if id not in self._memory.files:
            raise AudioMissing
        for piece in list(self._memory.chunks.get(id, [])):
            yield piece

    async def mark(self, id: PartId, status: str) -> None:
        if id in self._memory.files:
            self._memory.files[id]["status"] = status

    async def delete(self, id: PartId) -> Deletion:
        files = 0 if self._memory.files.pop(id, None) is None else 1
        return Deletion(files, len(self._memory.chunks.pop(id, [])), 0)

    async def stray_files(self) -> list[PartId]:
        return list(self._memory.files)

    async def stray_chunks(self) -> list[PartId]:
        return [id for id, pieces in self._memory.chunks.items() if pieces and id not in self._memory.files]


class FakeElections:
    """One is held whenever a test counts it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def none_since(self, last: Election | None) -> bool:
        return last == Election(self._memory.elections)


class FakeDoorbell:
    """Keeps the rings that nobody has heard; rings are lost while it is broken."""

    def __init__(self) -> None:
        self.to_transcribe: list[PartId] = []
        self.to_score: list[PartId] = []
        self.to_deliver = 0
        self.broken = False

    async def transcribe(self, id: PartId) -> bool:
        return self._ring(self.to_transcribe, id)

    async def score(self, id: PartId) -> bool:
        return self._ring(self.to_score, id)

    async def deliver(self) -> bool:
        self.to_deliver += not self.broken
        return not self.broken

    async def waiting(self) -> int | None:
        return None if self.broken else len(self.to_transcribe)

    def _ring(self, rings: list[PartId], id: PartId) -> bool:
        if not self.broken:
            rings.append(id)
        return not self.broken


class FakeWorkers:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def seen(self, sign: WorkerSign) -> None:
        self._memory.workers[sign.name] = replace(sign, seen_at=self._memory.clock.now)

    async def gone(self, name: str) -> None:
        self._memory.workers.pop(name, None)

    async def alive(self) -> list[WorkerSign]:
        return [sign for sign in self._memory.workers.values() if not self._memory.clock.is_past(sign.seen_at, 15.0)]
