"""Holds, and records that are kept for a time, in memory."""

from dataclasses import dataclass
from datetime import datetime

from services.interviews.model import ENDED, Session, SessionId
from services.operations.ports.retained import RecordKind
from tests.fakes.memory import Memory
from tests.fakes.operations import FakeAuditLog


@dataclass
class FakeHolds:
    memory: Memory

    async def place(self, id: SessionId) -> bool:
        if id in self.memory.sessions:
            self.memory.held.add(id)
        return id in self.memory.held

    async def lift(self, id: SessionId) -> bool:
        was_held = id in self.memory.held
        self.memory.held.discard(id)
        return was_held

    async def refresh(self) -> int:
        return len(self.memory.held)


@dataclass
class FakeRetained:
    memory: Memory
    audit_log: FakeAuditLog

    async def sessions(self, seconds: float, limit: int) -> list[SessionId]:
        made = {session.id: self._active(session) for session in self.memory.sessions.values()}
        old = [id for id, at in made.items() if self._is_over(at, id, seconds)]
        return sorted(old, key=lambda one: str(made[one]))[:limit]

    async def count(self, kind: RecordKind, seconds: float, limit: int) -> int:
        if kind is RecordKind.SESSIONS:
            return len(await self.sessions(seconds, limit))
        return len(self._found(kind, seconds)[:limit])

    async def remove(self, kind: RecordKind, seconds: float, limit: int) -> int:
        return sum(self._let_go(kind, id, seconds) for id in self._found(kind, seconds)[:limit])

    def _found(self, kind: RecordKind, seconds: float) -> list[str]:
        memory = self.memory
        if kind is RecordKind.RECORDINGS:
            rows = memory.having(lambda row: row.settled and not row.to_score and not row.part.keep_audio)
            ended = [row.part for row in rows if row.part.state in ENDED]
            return [part.id for part in ended if self._is_over(part.completed_at, part.session_id, seconds)]
        if kind is RecordKind.EVENTS:
            return [id for id, events in memory.events.items() if any(self._is_over(e.at, id, seconds) for e in events)]
        if kind is RecordKind.DELIVERIES:
            rows_of = memory.deliveries.items()
            return [id for id, d in rows_of if self._is_over(d.created_at, d.data.get("session_id"), seconds)]
        entries = self.audit_log.entries
        return [entry.id for entry in entries if self._is_over(entry.at, entry.deed.on.get("session_id"), seconds)]

    def _let_go(self, kind: RecordKind, id: str, seconds: float) -> int:
        memory = self.memory
        if kind is RecordKind.RECORDINGS:
            del memory.rows[id]  # type: ignore[arg-type]
            over = [c for c in memory.calls.values() if self._is_over(c.ended_at, c.session_id, seconds)]
            for call in over:
                del memory.calls[call.id]
        elif kind is RecordKind.EVENTS:
            before = memory.events[id]  # type: ignore[index]
            kept = [event for event in before if not self._is_over(event.at, None, seconds)]
            memory.events[id] = kept  # type: ignore[index]
            return len(before) - len(kept)
        elif kind is RecordKind.DELIVERIES:
            del memory.deliveries[id]  # type: ignore[arg-type]
        else:
            self.audit_log.entries = [entry for entry in self.audit_log.entries if entry.id != id]
        return 1

    def _active(self, session: Session) -> datetime | None:
        return self.memory.told.get(session.id) or session.created_at

    def _is_over(self, at: datetime | None, session: object, seconds: float) -> bool:
        return at is not None and session not in self.memory.held and self.memory.clock.is_past(at, seconds)
