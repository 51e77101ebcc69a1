"""The records of recordings, from their upload to their end, in memory."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from services.analysis.ports import ScoringClaim
from services.errors import StoreUnavailable
from services.interviews.model import (
    DROPPED,
    ENDED,
    LIVE,
    Checkpoint,
    Failure,
    Part,
    PartId,
    PartState,
    QuestionId,
    SessionId,
    UserId,
)
from services.interviews.transcript import Transcript, Utterance
from services.recordings.ports.arrivals import NOWHERE, Listened
from services.recordings.ports.audio import Deletion
from services.recordings.ports.backlog import Pace
from tests.fakes.memory import PENDING, Memory, Row
from tests.fakes.workers import FakeWorkers


class FakeUploads:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def begin(self, part: Part) -> None:
        if part.id in self._memory.rows:
            raise StoreUnavailable
        now = self._memory.clock.now
        self._memory.rows[part.id] = Row(replace(part, created_at=now), heartbeat_at=now)

    async def queue(self, part: Part) -> Part | None:
        if part.id in self._memory.rows:
            return None
        for same in self._memory.having(lambda other: _is_same_in_work(other.part, part, part.sha256)):
            return self._memory.move(same, take=max(same.part.take, part.take))
        queued, now = replace(part, state=PartState.QUEUED), part.created_at
        self._memory.rows[part.id] = Row(queued, heartbeat_at=now, not_before=now, rung_at=now, accepted_at=now)
        return queued

    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        arriving = [row for id in ids if (row := self._memory.rows.get(id)) and row.part.state is PartState.UPLOADING]
        for row in arriving:
            row.heartbeat_at = self._memory.clock.now
        return set(ids) - {row.part.id for row in arriving}

    async def accept(
        self, id: PartId, sha256: str, size: int, seconds: float = 0.0, epoch: str | None = None
    ) -> Part | None:
        row = self._memory.row(id, PartState.QUEUED, PartState.UPLOADING)
        if row is None:
            return None
        for same in self._memory.having(lambda other: _is_same_in_work(other.part, row.part, sha256)):
            return self._memory.move(same, take=max(same.part.take, row.part.take))
        row.not_before = row.rung_at = row.accepted_at = self._memory.clock.now
        what = {"sha256": sha256, "bytes": size, "estimated_seconds": seconds, "epoch": epoch}
        return self._memory.move(row, state=PartState.QUEUED, **what)

    async def abort(self, id: PartId, part: Part | None = None) -> Part | None:
        if id not in self._memory.rows:
            nobody = Part(id=id, session_id=SessionId(""), question_id=QuestionId(""), user_id=UserId(""), take=0)
            self._memory.rows[id] = Row(replace(part or nobody, created_at=self._memory.clock.now))
        row = self._memory.row(id, PartState.ABORTED, PartState.UPLOADING)
        return self._memory.end(row, PartState.ABORTED) if row else None

    async def stop(self, id: PartId) -> Part | None:
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


def _is_same_in_work(other: Part, part: Part, sha256: str | None) -> bool:
    same = (other.session_id, other.question_id, other.sha256) == (part.session_id, part.question_id, sha256)
    return same and other.state in PENDING


class FakeClaims:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def claim(self, id: PartId, owner: str) -> Part | None:
        row = self._memory.row(id, PartState.PROCESSING, *PENDING)
        if row is None or row.part.deliveries >= self._memory.terms.max_deliveries:
            return None
        is_due = row.part.state is PartState.QUEUED and self._memory.clock.is_past(row.not_before)
        is_due = is_due and self._memory.is_free(row)
        if not is_due and not self._memory.is_silent(row):
            return None
        row.owner, row.claimed_at, row.heartbeat_at = owner, self._memory.clock.now, self._memory.clock.now
        fence, deliveries = row.part.fence + 1, row.part.deliveries + 1
        return self._memory.move(row, state=PartState.PROCESSING, fence=fence, deliveries=deliveries, listener=None)

    async def attend(self, id: PartId, owner: str, received: int) -> Part | None:
        row, clock = self._memory.arriving(id), self._memory.clock
        if row is None or row.arrival is None or not self._memory.is_free(row) or row.part.session_id == NOWHERE:
            return None
        if row.part.channels > 1:
            return None
        arrival = row.arrival
        is_due = arrival.listened.due <= received
        is_late = arrival.listened.seen < received and clock.is_past(arrival.due_at)
        if arrival.closed_at or arrival.tries >= self._memory.terms.max_deliveries or not (is_due or is_late):
            return None
        arrival.tries += 1
        row.heartbeat_at = arrival.listened_at = clock.now
        return self._memory.move(row, listener=owner, fence=row.part.fence + 1)

    async def let_go(self, part: Part, listened: Listened, delay: float, *, failed: bool = False) -> Part | None:
        row = self._memory.attended(part)
        if row is None or row.arrival is None:
            return None
        row.arrival.listened, row.arrival.due_at = listened, self._memory.clock.after(delay)
        row.arrival.listened_at = self._memory.clock.now
        row.arrival.tries = row.arrival.tries if failed else 0
        return self._memory.move(row, listener=None)

    async def beat(self, id: PartId, fence: int) -> bool:
        row = self._held(id, fence, PartState.PROCESSING)
        there = self._memory.rows.get(id)
        if row is None and there is not None and there.part.fence == fence:
            row = self._memory.attended(there.part)
        if row is not None:
            row.heartbeat_at = self._memory.clock.now
        return row is not None

    async def settle(self, part: Part, utterance: Utterance, checkpoint: Checkpoint) -> Part | None:
        fence, _ = self._memory.utterances.get((part.id, utterance.number), (0, None))
        if fence > part.fence:
            return None
        self._memory.utterances[part.id, utterance.number] = (part.fence, utterance)
        row = self._memory.attended(part) if part.listener else self._held(part.id, part.fence, PartState.PROCESSING)
        if row is None:
            there = self._memory.rows.get(part.id)
            if there is None or not (there.part.state in LIVE or there.part.keep_audio):
                del self._memory.utterances[part.id, utterance.number]
            return None
        row.heartbeat_at = self._memory.clock.now
        if part.listener and row.arrival is not None:
            row.arrival.tries = 0
            return self._memory.move(row, checkpoint=checkpoint)
        return self._memory.move(row, checkpoint=checkpoint, deliveries=1, waited_seconds=0.0, failure=None)

    async def complete(
        self, id: PartId, fence: int, transcript: Transcript, *, scoring_seconds: float | None = None
    ) -> Part | None:
        row = self._held(id, fence, PartState.COMPLETED)
        if row is None or row.claimed_at is None:
            return None
        row.transcript, row.to_score = transcript, not row.part.is_aside
        row.processing_seconds = (self._memory.clock.now - row.claimed_at).total_seconds()
        row.score_after = self._memory.clock.after(self._memory.terms.settle_grace_seconds)
        if scoring_seconds is not None:
            row.scorings += 1
            row.scoring_until = row.score_after = self._memory.clock.after(scoring_seconds)
        return self._memory.end(row, PartState.COMPLETED, failure=None)

    async def again(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        row = self._held(id, fence, PartState.QUEUED)
        return self._memory.queue_again(row, delay=delay, failure=failure) if row else None

    async def wait(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        row = self._held(id, fence, PartState.QUEUED)
        if row is None:
            return None
        waited = row.part.waited_seconds + delay
        deliveries = row.part.deliveries - 1
        return self._memory.queue_again(row, delay=delay, failure=failure, deliveries=deliveries, waited_seconds=waited)

    async def release(self, id: PartId, fence: int) -> Part | None:
        row = self._held(id, fence, PartState.QUEUED)
        return self._memory.queue_again(row, deliveries=row.part.deliveries - 1) if row else None

    async def fail(self, id: PartId, fence: int, failure: Failure, *, keep_audio: bool) -> Part | None:
        row = self._held(id, fence, PartState.FAILED)
        return self._memory.end(row, PartState.FAILED, failure=failure, keep_audio=keep_audio) if row else None

    def _held(self, id: PartId, fence: int, to: PartState) -> Row | None:
        row = self._memory.row(id, to, PartState.PROCESSING)
        return row if row and row.part.fence == fence else None


class FakeUtterances:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def settled(self, id: PartId) -> list[Utterance]:
        row = self._memory.rows.get(id)
        count = row.part.checkpoint.stretches if row and row.part.checkpoint else 0
        return [self._memory.utterances[id, n][1] for n in range(count) if (id, n) in self._memory.utterances]

    async def get(self, id: PartId, number: int) -> Utterance | None:
        return self._memory.utterances.get((id, number), (0, None))[1]

    async def forget(self, id: PartId) -> None:
        for key in [key for key in self._memory.utterances if key[0] == id]:
            del self._memory.utterances[key]
        row = self._memory.rows.get(id)
        if row is not None and row.part.state in ENDED:
            row.part = replace(row.part, checkpoint=None)

    async def strays(self) -> list[PartId]:
        rows = [self._memory.rows.get(id) for id, _ in self._memory.utterances]
        needed = {row.part.id for row in rows if row and (row.part.state in LIVE or row.part.keep_audio)}
        return sorted({id for id, _ in self._memory.utterances} - needed)


class FakeRecords:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def of_session(self, id: SessionId) -> list[PartId]:
        return [row.part.id for row in self._memory.having(lambda row: row.part.session_id == id)]

    async def unplaced(self, user_id: UserId, until: datetime) -> list[PartId]:
        def is_it(row: Row) -> bool:
            began = row.part.created_at
            return (
                (row.part.session_id, row.part.user_id) == (NOWHERE, user_id) and began is not None and began <= until
            )

        return [row.part.id for row in self._memory.having(is_it)]

    async def forget(self, id: PartId, *, is_over: bool = False) -> bool:
        self._memory.slices.pop(id, None)
        row = self._memory.rows.get(id)
        if row is None or is_over or not self._may_arrive(row):
            self._memory.rows.pop(id, None)
            return True
        return False

    def _may_arrive(self, row: Row) -> bool:
        silence, given_up = self._memory.terms.upload_silence_seconds, row.part.state is PartState.ABORTED
        fresh = given_up and not self._memory.clock.is_past(row.part.completed_at, silence)
        return row.part.sha256 is None and (fresh or row.part.state is PartState.UPLOADING)

    async def get(self, id: PartId) -> Part | None:
        row = self._memory.rows.get(id)
        return row.part if row else None

    async def transcript(self, id: PartId) -> Transcript | None:
        row = self._memory.rows.get(id)
        return row.transcript if row and row.part.state is PartState.COMPLETED else None

    async def text(self, id: PartId) -> str | None:
        transcript = await self.transcript(id)
        return transcript.text if transcript else None

    async def newest_takes(self, session_id: SessionId) -> dict[QuestionId, int]:
        parts = [row.part for row in self._memory.rows.values() if row.part.state not in DROPPED]
        own = sorted((part for part in parts if part.session_id == session_id), key=lambda part: part.take)
        return {part.question_id: part.take for part in own}


class FakeBacklog:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def pace(self) -> Pace:
        slots = sum(worker.slots for worker in await FakeWorkers(self._memory).alive())
        done = [row for row in self._memory.rows.values() if row.part.state is PartState.COMPLETED]
        done.sort(key=lambda row: row.part.completed_at or self._memory.clock.now)
        seconds = [row.processing_seconds for row in done[-20:]]
        return Pace(max(1, slots), sum(seconds) / len(seconds) if seconds else 2.0)

    async def queued_seconds(self, user_id: UserId) -> float:
        parts = [row.part for row in self._memory.rows.values() if row.part.state in PENDING]
        return sum(part.estimated_seconds for part in parts if part.user_id == user_id)

    async def ahead(self, session_id: SessionId | None) -> int:
        pending = [row.part for row in self._memory.rows.values() if row.part.state in PENDING]
        if session_id is None:
            return len(pending) + len(self._memory.having(self._memory.is_behind))
        own = [part.created_at for part in pending if part.session_id == session_id and part.created_at]
        return sum(1 for part in pending if own and part.created_at and part.created_at <= max(own))


class FakeClosings:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def settle(
        self, id: PartId, rev: int, deletion: Deletion | None, *, has_receipt: bool = False, is_scored: bool = False
    ) -> bool:
        row = self._memory.rows.get(id)
        if row is None or row.part.rev != rev or row.part.state not in ENDED:
            return False
        row.settled, row.to_score = True, row.to_score and not is_scored
        if not row.counted:
            row.counted = True
            self._memory.endings.append(replace(row))
        if has_receipt and row.deletion is None:
            made = self._memory.counters.setdefault("receipts", {})
            made[row.part.state.value] = made.get(row.part.state.value, 0) + 1
        if deletion is not None:
            before = row.deletion or Deletion(0, 0, 0)
            row.deletion = Deletion(before.files + deletion.files, before.chunks + deletion.chunks, deletion.left)
        return True

    async def scored(self, id: PartId) -> None:
        if row := self._memory.rows.get(id):
            row.to_score = False

    async def claim_scoring(self, id: PartId, seconds: float) -> ScoringClaim | None:
        row = self._memory.rows.get(id)
        if row is None or not row.to_score or not self._memory.clock.is_past(row.scoring_until):
            return None
        row.scorings += 1
        self._hold(row, seconds)
        return ScoringClaim(row.scorings, row.score_failures, row.score_waited)

    async def score_again(self, id: PartId, claim: ScoringClaim, delay: float, *, failed: bool = True) -> None:
        row = self._memory.rows.get(id)
        if row is None or not row.to_score or row.scorings != claim.number:
            return
        row.score_failures += failed
        row.score_waited += 0.0 if failed else delay
        self._hold(row, delay)

    async def rescore(self, id: PartId) -> bool:
        row = self._memory.rows.get(id)
        if row is None or row.to_score or row.part.state is not PartState.COMPLETED:
            return False
        row.to_score, row.score_failures, row.score_waited = True, 0, 0.0
        self._hold(row, 0.0)
        return True

    def _hold(self, row: Row, seconds: float) -> None:
        row.scoring_until = row.score_after = self._memory.clock.after(seconds)
