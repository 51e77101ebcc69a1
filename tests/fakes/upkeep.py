"""What the sweep finds and mends, in memory."""

from dataclasses import asdict, replace

from services.adapters.mongo.indexes import FORGET_REPLAY_SECONDS
from services.adapters.mongo.parts import MOST_AT_ONCE
from services.interviews.model import ENDED, LIVE, Failure, Part, PartId, PartState
from services.operations.ports.upkeep import Findings
from services.recordings.ports.arrivals import NOWHERE
from tests.fakes.memory import Memory, Row


class FakeUpkeep:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def take_turn(self, subject: str, seconds: float) -> bool:
        clock, begun = self._memory.clock, self._memory.turns.get(subject)
        if begun is not None and begun <= clock.now and not clock.is_past(begun, seconds):
            return False
        self._memory.turns[subject] = self._memory.clock.now
        return True

    async def is_needed(self, hours: float) -> bool:
        found = await self.survey(hours)
        return any(number for name, number in asdict(found).items() if name != "due")

    async def due(self, limit: int) -> list[PartId]:
        clock, silence = self._memory.clock, self._memory.terms.ring_again_seconds
        rows = [row for row in self._due() if clock.is_past(row.rung_at, silence)]
        rows.sort(key=lambda row: (row.rung_at is not None, row.rung_at))
        for row in rows[:limit]:
            row.rung_at = clock.now
        return [row.part.id for row in rows[:limit]]

    async def count_due(self, most: int = 1000) -> int:
        return min(most, len(self._due()))

    async def unheard(self, limit: int) -> list[PartId]:
        rows = self._unheard()[:limit]
        for row in rows:
            if row.arrival is not None:
                row.arrival.listening_rung_at = self._memory.clock.now
        return [row.part.id for row in rows]

    async def reclaim(self) -> list[Part]:
        return [self._memory.queue_again(row, rung=True) for row in self._silent()]

    async def bury(self, failure: Failure) -> list[Part]:
        what = {"failure": failure, "keep_audio": True}
        lost = self._exhausted()
        return [self._memory.end(row, PartState.FAILED, fence=row.part.fence + 1, **what) for row in lost]

    async def abandon(self) -> list[Part]:
        return [self._memory.end(row, PartState.ABORTED) for row in self._abandoned()]

    async def unfinished(self) -> list[PartId]:
        rows = self._unfinished()
        for row in rows:
            if row.arrival is not None:
                row.arrival.drive_after = self._memory.clock.after(self._memory.terms.ring_again_seconds)
        return [row.part.id for row in rows]

    async def unsettled(self) -> list[Part]:
        return [row.part for row in self._unsettled()]

    async def put_off(self, id: PartId, seconds: float) -> None:
        row = self._memory.rows[id]
        if not row.settled:
            row.settle_after = self._memory.clock.after(seconds)

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

    async def forget_sums(self) -> int:
        def is_over(row: Row) -> bool:
            part = row.part
            return (
                row.settled and part.state in ENDED and not part.keep_audio and part.session_id not in self._memory.held
            )

        clock = self._memory.clock
        with_sum = [row for row in self._memory.having(is_over) if row.part.sha256]
        over = [row for row in with_sum if clock.is_past(row.part.completed_at, FORGET_REPLAY_SECONDS)]
        for row in over:
            row.part = replace(row.part, sha256=None)
        return len(over)

    async def survey(self, hours: float) -> Findings:
        looks = (self._due, self._silent, self._exhausted, self._abandoned, self._unsettled, self._unscored)
        return Findings(
            *[
                len(rows)
                for rows in [*(look() for look in looks), self._expired(hours), self._unfinished(), self._unheard()]
            ]
        )

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
        clock = self._memory.clock
        silent = [row for row in arriving if row.arrival is None and clock.is_past(row.heartbeat_at, silence)]
        free = [row for row in arriving if row.part.session_id not in self._memory.held]
        return silent + [row for row in free if row.arrival and clock.is_past(row.arrival.expires_at)]

    def _unfinished(self) -> list[Row]:
        clock, grace = self._memory.clock, self._memory.terms.settle_grace_seconds
        closed = self._memory.having(lambda row: row.part.state is PartState.UPLOADING and row.arrival is not None)
        return [
            row
            for row in closed
            if row.arrival
            and row.arrival.closed_at is not None
            and clock.is_past(row.arrival.closed_at, grace)
            and clock.is_past(row.arrival.drive_after)
        ]

    def _unheard(self) -> list[Row]:
        memory, seconds = self._memory, self._memory.terms.ring_again_seconds

        def is_it(row: Row) -> bool:
            arrival = row.arrival
            if arrival is None or memory.arriving(row.part.id) is None or arrival.closed_at or row.part.channels == 2:
                return False
            if arrival.tries >= memory.terms.max_deliveries or row.part.session_id == NOWHERE:
                return False
            before = arrival.listened_at
            came = arrival.last_at is not None and (before is None or arrival.last_at > before)
            times = (row.part.created_at, arrival.due_at, arrival.listening_rung_at)
            is_overdue = all(memory.clock.is_past(time, seconds) for time in times)
            return memory.is_free(row) and (came or row.part.listener is not None) and is_overdue

        return memory.having(is_it)

    def _unsettled(self) -> list[Row]:
        rows, grace = self._memory.having(lambda row: not row.settled), self._memory.terms.settle_grace_seconds
        clock = self._memory.clock
        over = [row for row in rows if clock.is_past(row.part.completed_at, grace) and clock.is_past(row.settle_after)]
        return sorted(over, key=lambda row: row.part.completed_at or clock.now)[:MOST_AT_ONCE]

    def _unscored(self) -> list[Row]:
        return self._memory.having(lambda row: row.to_score and self._memory.clock.is_past(row.score_after))

    def _expired(self, hours: float) -> list[Row]:
        kept = self._memory.having(lambda row: row.part.state is PartState.FAILED and row.part.keep_audio)
        free = [row for row in kept if row.part.session_id not in self._memory.held]
        return [row for row in free if self._memory.clock.is_past(row.part.completed_at, hours * 3600)]

    def _is_used_up(self, row: Row) -> bool:
        return row.part.deliveries >= self._memory.terms.max_deliveries
