"""The journal of erasures, and what the other fakes hold of whom, in memory."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.interviews.erasable import ErasureId, OfSession, OfUser, Subject
from services.interviews.model import CallId, PartId, SessionId, UserId
from services.operations.ports.erasures import Cause, Erasure, Owner, State, Waits
from services.webhooks.ports import DeliveryId
from tests.fakes.memory import Memory


@dataclass
class Entry:
    erasure: Erasure
    next_at: datetime
    is_open: bool = True


@dataclass
class FakeErasures:
    memory: Memory
    rows: dict[ErasureId, Entry] = field(default_factory=dict)

    async def get(self, id: ErasureId) -> Erasure | None:
        return self.rows[id].erasure if id in self.rows else None

    async def of_session(self, id: SessionId) -> Erasure | None:
        return await self.get(ErasureId(f"s-{id}"))

    async def begin_session(
        self, id: SessionId, cause: Cause, *, rule: str | None = None, parent: ErasureId | None = None
    ) -> Erasure | None:
        session, entry = self.memory.sessions.get(id), self.rows.get(ErasureId(f"s-{id}"))
        if session is None or (entry is not None and not entry.erasure.is_done):
            return None if entry is None else entry.erasure
        self.memory.erased[id] = Owner.of(session.user_id, id)
        return self._begin(
            Erasure(
                id=ErasureId(f"s-{id}"),
                owner=self.memory.erased[id],
                cause=cause,
                asked_at=self.memory.clock.now,
                session_id=id,
                rule=rule,
                parent=parent,
                user_id=session.user_id,
                title=session.title,
                size=session.size,
            )
        )

    async def begin_user(self, user_id: UserId, cause: Cause) -> Erasure:
        for entry in self.rows.values():
            if entry.erasure.session_id is None and entry.erasure.user_id == user_id:
                return entry.erasure
        id = ErasureId(f"u-{len(self.rows):024x}")
        owner, now = Owner.of(user_id, id), self.memory.clock.now
        return self._begin(Erasure(id=id, owner=owner, cause=cause, asked_at=now, user_id=user_id))

    def _begin(self, erasure: Erasure) -> Erasure:
        self.rows[erasure.id] = Entry(erasure, erasure.asked_at)
        return erasure

    async def withdraw(self, id: ErasureId) -> None:
        if id in self.rows and not self.rows[id].erasure.is_done:
            session = self.rows.pop(id).erasure.session_id
            if session is not None:
                del self.memory.erased[session]

    async def fence(self, id: SessionId) -> bool:
        if id in self.memory.held:
            return False
        self.memory.sessions.pop(id, None)
        self.memory.events.pop(id, None)
        self.memory.analyses.pop(id, None)
        return True

    async def found(self, id: ErasureId, counts: Mapping[str, int]) -> None:
        known = dict(self.rows[id].erasure.found)
        most = {kind: max(count, known.get(kind, 0)) for kind, count in counts.items()}
        self._write(id, found=known | most)

    async def wait(self, id: ErasureId, waits: Waits, seconds: float) -> None:
        self._write(id, waits=waits)
        self.rows[id].next_at = self.memory.clock.after(seconds)

    async def finish(self, id: ErasureId) -> Erasure | None:
        if not self.rows[id].erasure.is_done:
            self._write(id, state=State.DONE, done_at=self.memory.clock.now, waits=None)
        erasure = self.rows[id].erasure
        return None if erasure.is_told else erasure

    async def told(self, id: ErasureId, seconds: float) -> None:
        self._write(id, is_told=True, user_id=None, title=None, size=0)
        self.rows[id].next_at = self.memory.clock.after(seconds)

    async def close(self, id: ErasureId) -> None:
        self.rows[id].is_open = False

    async def due(self, limit: int) -> list[Erasure]:
        due = [entry for entry in self.rows.values() if entry.is_open and self.memory.clock.is_past(entry.next_at)]
        return [entry.erasure for entry in sorted(due, key=lambda entry: entry.next_at)[:limit]]

    async def sessions_of(self, user_id: UserId, until: datetime, limit: int) -> tuple[list[SessionId], bool]:
        own = [
            session.id
            for session in self.memory.sessions.values()
            if session.user_id == user_id and session.created_at is not None and session.created_at <= until
        ]
        free = [id for id in own if id not in self.memory.held]
        return free[:limit], len(free) < len(own)

    async def under_way(self, parent: ErasureId) -> int:
        erasures = [entry.erasure for entry in self.rows.values()]
        return len([one for one in erasures if one.parent == parent and not one.is_done])

    async def page(self, after: Erasure | None) -> list[Erasure]:
        entries = sorted((entry.erasure for entry in self.rows.values()), key=lambda one: (one.asked_at, one.id))
        return [one for one in entries if after is None or (one.asked_at, one.id) > (after.asked_at, after.id)]

    async def users(self) -> AsyncIterator[UserId]:
        for user in {session.user_id for session in self.memory.sessions.values()}:
            yield user

    async def reopen(self, entry: Erasure, user_id: UserId | None) -> bool:
        session = self.memory.sessions.get(entry.session_id) if entry.session_id else None
        user = session.user_id if session else user_id
        again = replace(entry, state=State.RUNNING, user_id=user, is_told=False, done_at=None, waits=None)
        self.rows[entry.id] = Entry(again, self.memory.clock.now)
        if entry.session_id:
            self.memory.erased[entry.session_id] = entry.owner
        return user is not None

    async def remember(self, entry: Erasure) -> None:
        over = replace(entry, state=State.DONE, is_told=True)
        self.rows.setdefault(entry.id, Entry(over, self.memory.clock.now, is_open=False))

    async def waiting(self) -> int:
        return len([entry for entry in self.rows.values() if not entry.erasure.is_done])

    def _write(self, id: ErasureId, **values: object) -> None:
        self.rows[id].erasure = replace(self.rows[id].erasure, **values)  # type: ignore[arg-type]


@dataclass
class FakeLeftovers:
    """Deliveries and replays."""

    memory: Memory

    async def found(self, subject: Subject) -> Mapping[str, int]:
        deliveries, replays = self._deliveries(subject), self._replays(subject)
        said = self._utterances(subject)
        counts = {"deliveries": len(deliveries), "replays": len(replays), "utterances": len(said)}
        counts["calls"] = len(self._calls(subject))
        return {name: count for name, count in counts.items() if count}

    async def erase(self, subject: Subject) -> int:
        for delivery in self._deliveries(subject):
            del self.memory.deliveries[delivery]
        for key in self._replays(subject):
            del self.memory.idempotency_keys[key]
        for said in self._utterances(subject):
            del self.memory.utterances[said]
        for call in self._calls(subject):
            del self.memory.calls[call]
        return 0

    def _deliveries(self, subject: Subject) -> list[DeliveryId]:
        if isinstance(subject, OfUser):
            return []
        return [id for id, row in self.memory.deliveries.items() if row.data.get("session_id") == subject.session_id]

    def _utterances(self, subject: Subject) -> list[tuple[PartId, int]]:
        """By the sessions that are noted beside them: those of records that are gone are found too."""
        if isinstance(subject, OfUser):
            return []
        rows = self.memory.rows
        of_others = {id for id, row in rows.items() if row.part.session_id != subject.session_id}
        return [key for key in self.memory.utterances if key[0] not in of_others]

    def _calls(self, subject: Subject) -> list[CallId]:
        if isinstance(subject, OfUser):
            return []
        return [id for id, call in self.memory.calls.items() if call.session_id == subject.session_id]

    def _replays(self, subject: Subject) -> list[tuple[UserId, str]]:
        return [key for key, row in self.memory.idempotency_keys.items() if _is_about(subject, key[0], row.path)]


def _is_about(subject: Subject, user: UserId, path: str) -> bool:
    if isinstance(subject, OfSession):
        return subject.session_id in path.split("/")
    return user == subject.user_id
