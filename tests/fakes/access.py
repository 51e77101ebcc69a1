"""Who may come in, and what was answered to them before, in memory."""

import secrets
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.access.ports import Hold, Kept, Keyed
from services.errors import IdempotencyInFlight, IdempotencyMismatch, Unauthenticated
from services.events.ports import Ticket
from services.interviews.model import SessionId, UserId, Viewer
from tests.fakes.memory import Clock, Memory, Replay

TICKET_SECONDS = 60


class FakeTickets:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issued: dict[str, tuple[SessionId, Viewer, datetime]] = {}

    async def issue(self, id: SessionId, viewer: Viewer) -> Ticket:
        secret = secrets.token_urlsafe(32)
        self._issued[secret] = (id, viewer, self._clock.now)
        return Ticket(secret, TICKET_SECONDS)

    async def redeem(self, secret: str, id: SessionId) -> Viewer:
        of, viewer, at = self._issued.get(secret, (None, None, self._clock.now))
        if viewer is None or of != id or self._clock.is_past(at, TICKET_SECONDS):
            raise Unauthenticated
        return viewer


class FakeIdempotencyKeys:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def hold(self, request: Keyed, made_id: str) -> Hold | Kept:
        at, clock = (request.user_id, request.key), self._memory.clock
        found = self._memory.idempotency_keys.get(at)
        if found is None:
            hold = Hold(id="/".join(at), holder=made_id, made_id=made_id, resumed=False)
            self._memory.idempotency_keys[at] = Replay(request.path, request.fingerprint, hold, clock.now)
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

    async def rename(self, hold: Hold, made_id: str) -> bool:
        return self._write(hold, hold=replace(hold, made_id=made_id))

    async def keep(self, hold: Hold, answer: Kept) -> bool:
        return self._write(hold, answer=answer, fingerprint=answer.fingerprint)

    async def release(self, hold: Hold) -> None:
        self._write(hold, held_at=None)

    def _write(self, held_as: Hold, **values: Any) -> bool:
        rows = self._memory.idempotency_keys.values()
        held = [row for row in rows if (row.hold.id, row.hold.holder) == (held_as.id, held_as.holder)]
        for row in held:
            if row.answer is None:
                for name, value in values.items():
                    setattr(row, name, value)
                return True
        return False


class FakeQuotas:
    def __init__(self) -> None:
        self.bytes: Counter[UserId] = Counter()

    async def take(self, user_id: UserId, size: int, most: int) -> bool:
        fits = self.bytes[user_id] + size <= most
        self.bytes[user_id] += size if fits else 0
        return fits

    async def give_back(self, user_id: UserId, size: int) -> None:
        self.bytes[user_id] -= size


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

    async def hit_each(self, *counted: tuple[str, str]) -> float | None:
        waits = [await self.hit(budget, who) for budget, who in counted]
        return max((wait for wait in waits if wait is not None), default=None)
