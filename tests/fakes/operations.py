"""What operators see and do, in memory; the contract tests hold it to what MongoDB does."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.errors import SameInWork
from services.interviews.model import Failure, Part, PartId, PartState, QuestionId, Session, SessionId
from services.operations.ports.audit_log import Deed, Entry, Outcome
from services.operations.ports.views import (
    AnswerSeen,
    Ended,
    FailureFilter,
    FailurePage,
    Place,
    Recent,
    SessionFilter,
    SessionPage,
    SessionSeen,
    Stored,
    Stuck,
    Total,
    Wait,
    stands,
)
from tests.fakes.memory import PENDING, Memory, Row

NOT_ACCEPTED = (PartState.UPLOADING, PartState.ABORTED)


class FakeInterventions:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def newest(self, session_id: SessionId, question_id: QuestionId) -> Part | None:
        takes = [row.part for row in _accepted(self._memory, session_id) if row.part.question_id == question_id]
        return max(takes, key=lambda part: part.take, default=None)

    async def retry(self, id: PartId) -> Part | None:
        row = self._memory.row(id, PartState.QUEUED, PartState.FAILED)
        if row is None or not row.part.keep_audio:
            return None
        if self._memory.having(lambda other: _is_same(other.part, row.part) and other.part.state in PENDING):
            raise SameInWork
        row.accepted_at, row.settled, row.counted = self._memory.clock.now, True, False
        row.part = replace(
            row.part, deliveries=0, waited_seconds=0.0, failure=None, keep_audio=False, completed_at=None
        )
        return self._memory.queue_again(row, rung=True, retries=row.part.retries + 1)

    async def fail(self, id: PartId, failure: Failure) -> Part | None:
        row = self._memory.row(id, PartState.FAILED, *PENDING)
        if row is None:
            return None
        shut_out = {"fence": row.part.fence + 1, "failure": failure, "keep_audio": True}
        return self._memory.end(row, PartState.FAILED, **shut_out)


def _accepted(memory: Memory, session_id: SessionId) -> list[Row]:
    return memory.having(lambda row: row.part.session_id == session_id and row.part.state not in NOT_ACCEPTED)


def _is_same(other: Part, part: Part) -> bool:
    return (other.session_id, other.question_id, other.sha256) == (part.session_id, part.question_id, part.sha256)


@dataclass(frozen=True, slots=True)
class _Waiting:
    wanted: Callable[[Row], bool]
    since: Callable[[Row], datetime | None]


WAITS: dict[Wait, _Waiting] = {
    Wait.UPLOADING: _Waiting(lambda row: row.part.state is PartState.UPLOADING, lambda row: row.heartbeat_at),
    Wait.QUEUED: _Waiting(lambda row: row.part.state is PartState.QUEUED, lambda row: row.accepted_at),
    Wait.PROCESSING: _Waiting(lambda row: row.part.state is PartState.PROCESSING, lambda row: row.claimed_at),
    Wait.UNSETTLED: _Waiting(lambda row: not row.settled, lambda row: row.part.completed_at),
    Wait.UNSCORED: _Waiting(lambda row: row.to_score, lambda row: row.part.completed_at),
}


class FakeViews:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def sessions(self, wanted: SessionFilter, before: Place | None, limit: int) -> SessionPage:
        found = [seen for each in self._memory.sessions.values() if _is_sought(seen := _session_seen(each), wanted)]
        newest = sorted(found, key=_place_of, reverse=True)
        older = [seen for seen in newest if before is None or _place_of(seen) < before]
        total = Total(min(1000, len(found)), len(found) <= 1000) if wanted.standing is None else None
        next = _place_of(older[limit - 1]) if len(older) > limit else None
        return SessionPage(sessions=older[:limit], next=next, total=total)

    async def stuck(self, seconds: float, limit: int) -> list[Stuck]:
        return [stuck for wait in Wait for stuck in self._waiting(wait, seconds)[:limit]]

    async def count_stuck(self, seconds: float, most: int) -> dict[Wait, int]:
        return {wait: min(most, len(self._waiting(wait, seconds))) for wait in Wait}

    def _waiting(self, wait: Wait, seconds: float) -> list[Stuck]:
        kind, clock = WAITS[wait], self._memory.clock
        found = self._memory.having(lambda row: kind.wanted(row) and clock.is_past(kind.since(row), seconds))
        stuck = [
            Stuck(wait=wait, part=row.part, since=since, seconds=(clock.now - since).total_seconds(), owner=row.owner)
            for row in found
            if (since := kind.since(row)) is not None
        ]
        return sorted(stuck, key=lambda each: (each.since, each.part.id))

    async def failed(self, wanted: FailureFilter, before: Place | None, limit: int) -> FailurePage:
        rows = self._memory.having(lambda row: row.part.state is PartState.FAILED and _fails_so(row.part, wanted))
        places = sorted((_ended_at(row.part) for row in rows), reverse=True)
        older = [place for place in places if before is None or place < before]
        ended = [self._ended(self._memory.rows[PartId(place.id)].part) for place in older[:limit]]
        return FailurePage(
            failed=[each for each in ended if each.can_retry or not wanted.can_retry],
            next=older[limit - 1] if len(older) > limit else None,
            total=None if wanted.can_retry else Total(min(1000, len(places)), len(places) <= 1000),
        )

    def _ended(self, part: Part) -> Ended:
        takes = [
            row.part.take
            for row in _accepted(self._memory, part.session_id)
            if row.part.question_id == part.question_id
        ]
        return Ended(part=part, is_newest=part.take == max(takes))

    async def recent(self) -> Recent:
        done = {m: len(self._ended_within(PartState.COMPLETED, m * 60)) for m in (1, 5, 60)}
        hour, day = (self._codes(seconds) for seconds in (3600, 24 * 3600))
        return Recent(completed=done, failed_in_hour=hour, failed_in_day=day)

    def _codes(self, seconds: float) -> dict[str, int]:
        parts = self._ended_within(PartState.FAILED, seconds)
        return dict(Counter(part.failure.code for part in parts if part.failure))

    def _ended_within(self, state: PartState, seconds: float) -> list[Part]:
        is_past = self._memory.clock.is_past
        rows = self._memory.having(lambda row: row.part.state is state and not is_past(row.part.completed_at, seconds))
        return [row.part for row in rows]

    async def stored(self) -> Mapping[str, Stored]:
        chunks = [piece for pieces in self._memory.chunks.values() for piece in pieces]
        size = sum(map(len, chunks))
        return {
            "files": Stored(documents=len(self._memory.files), bytes=0, disk_bytes=0),
            "chunks": Stored(documents=len(chunks), bytes=size, disk_bytes=size),
        }


def _is_sought(seen: SessionSeen, wanted: SessionFilter) -> bool:
    sought = wanted.sought
    titled = sought and seen.title is not None and seen.title.casefold().startswith(sought.casefold())
    named = sought is None or titled or sought in (seen.id, seen.user_id)
    stands_so = wanted.standing is None or stands(seen, wanted.standing)
    return bool(named and stands_so and _is_between(seen.created_at, wanted.since, wanted.until))


def _fails_so(part: Part, wanted: FailureFilter) -> bool:
    for_that = wanted.code is None or (part.failure is not None and part.failure.code == wanted.code)
    of_them = wanted.user_id is None or part.user_id == wanted.user_id
    kept = part.keep_audio or not wanted.can_retry
    return for_that and of_them and kept and _is_between(part.completed_at, wanted.since, wanted.until)


def _is_between(at: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    return at is not None and (since is None or at >= since) and (until is None or at < until)


def _place_of(seen: SessionSeen) -> Place:
    return Place(seen.created_at, seen.id)


def _ended_at(part: Part) -> Place:
    assert part.completed_at is not None
    return Place(part.completed_at, part.id)


def _session_seen(session: Session) -> SessionSeen:
    assert session.created_at is not None
    answers = tuple(
        AnswerSeen(
            question_id=answer.question_id,
            take=answer.take,
            status=answer.status,
            code=answer.failure.code if answer.failure else None,
            audio_stored=answer.audio_stored,
        )
        for answer in session.answers.values()
    )
    return SessionSeen(
        id=session.id,
        user_id=session.user_id,
        title=session.title,
        created_at=session.created_at,
        questions=len(session.questions),
        answers=answers,
    )


@dataclass
class FakeAuditLog:
    memory: Memory
    entries: list[Entry] = field(default_factory=list)

    async def begin(self, deed: Deed) -> str:
        id = f"{len(self.entries) + 1:024x}"
        self.entries.append(Entry(id=id, at=self.memory.clock.now, deed=deed))
        return id

    async def end(self, id: str, outcome: Outcome, after: Mapping[str, object]) -> None:
        for index, entry in enumerate(self.entries):
            if entry.id == id and entry.outcome is None:
                now = self.memory.clock.now
                self.entries[index] = replace(entry, outcome=outcome, after=dict(after), ended_at=now)

    async def page(self, before: Place | None, limit: int) -> list[Entry]:
        newest = sorted(self.entries, key=lambda entry: (entry.at, entry.id), reverse=True)
        older = [entry for entry in newest if before is None or (entry.at, entry.id) < (before.at, before.id)]
        return older[:limit]
