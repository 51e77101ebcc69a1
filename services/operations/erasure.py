"""Forgetting a session, or all of a user, for good and in full, whatever dies on the way.

1. note in the journal what is to be forgotten;
2. take the session's document away, unless it is held: from here on nothing of it is shown, numbered or scored;
3. have each room let go of what it keeps: audio before its record, without which whoever works on it is shut out;
4. look again: only where nothing is found is it done, and told;
5. forget whose it was, and look once more after everything that was under way has ended.

Each step may be repeated, by several at once; the sweep goes on with what was interrupted.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog

from services.background import Background, Kind
from services.errors import ErasureNotFound, Forbidden, SessionErased, SessionHeld, SessionNotFound, StoreUnavailable
from services.events.ports import Hints
from services.interviews.erasable import Erasable, ErasureId, OfUser, Subject
from services.interviews.model import SessionId, UserId, Viewer
from services.interviews.ports import Sessions
from services.operations.noting import After, noted
from services.operations.ports.audit_log import Action, AuditLog, Deed
from services.operations.ports.erasures import Cause, Erasure, Erasures, Waits

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 200
AGAIN_SECONDS = 5.0
HELD_SECONDS = 60.0
# Longer than any job, request or upload lasts.
LAST_LOOK_SECONDS = 1800.0


async def _nobody(_: Erasure) -> None:
    """Nobody wants to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """`emit` is told of each erasure that is done: what was found of each kind, and that nothing is left.

    It is told again where that was not confirmed.
    """

    sessions: Sessions
    journal: Erasures
    rooms: tuple[Erasable, ...]
    hints: Hints
    audit_log: AuditLog
    background: Background
    emit: Callable[[Erasure], Awaitable[None]] = _nobody

    async def session(self, id: SessionId, viewer: Viewer, request_id: str = "") -> Erasure:
        """Begin to erase a session, or say how far that is; SessionNotFound, SessionHeld."""
        try:
            session = await self.sessions.get(id, viewer)
        except SessionErased:
            return await self._found(await self.journal.of_session(id), viewer)
        if viewer.user_id == session.user_id:
            return await self._begin_session(id, Cause.OWNER)
        async with self._noted(viewer, {"session_id": id}, request_id):
            return await self._begin_session(id, Cause.ADMIN)

    async def user(self, user_id: UserId, viewer: Viewer, request_id: str = "") -> Erasure:
        """Begin to erase all that there is of a user, or say how far that is; Forbidden."""
        if user_id == viewer.user_id:
            return self._driven(await self.journal.begin_user(user_id, Cause.OWNER))
        if not viewer.is_admin:
            raise Forbidden("Only the user himself and operators may do that.")
        on: dict[str, object] = {}
        async with self._noted(viewer, on, request_id) as after:
            erasure = await self.journal.begin_user(user_id, Cause.ADMIN)
            after["erasure"] = erasure.id
        return self._driven(erasure)

    async def get(self, id: ErasureId, viewer: Viewer) -> Erasure:
        """How far it is; ErasureNotFound, also where it concerns another."""
        return await self._found(await self.journal.get(id), viewer)

    async def drive_due(self, missed: Callable[[], None] = lambda: None) -> int:
        """Go on with what is due, for the sweep; how many were done. `missed` is told of each that met an error."""
        done = 0
        for erasure in await self.journal.due(MOST_AT_ONCE):
            try:
                done += await self.drive(erasure)
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("not erased", erasure=erasure.id)
                missed()
        return done

    async def count_due(self) -> int:
        """How many erasures that are not done the next sweep goes on with."""
        return len([erasure for erasure in await self.journal.due(MOST_AT_ONCE) if not erasure.is_done])

    async def drive(self, erasure: Erasure) -> bool:
        """One pass over what is left; whether it is done with it."""
        if erasure.is_done:
            return await self._after(erasure)
        if erasure.session_id is not None and not await self.journal.fence(erasure.session_id):
            await self._held(erasure)
            return False
        if (waits := await self._pass(erasure)) is not None:
            await self.journal.wait(erasure.id, waits, HELD_SECONDS if waits is Waits.HOLD else AGAIN_SECONDS)
            return False
        done = await self.journal.finish(erasure.id)
        return done is not None and await self._after(done)

    async def retain_no_longer(self, id: SessionId, rule: str) -> bool:
        """Erase a session whose time is up; whether it was begun."""
        erasure = await self.journal.begin_session(id, Cause.RETENTION, rule=rule)
        if erasure is None:
            return False
        await self.drive(erasure)
        return True

    async def _begin_session(self, id: SessionId, cause: Cause) -> Erasure:
        erasure = await self.journal.begin_session(id, cause)
        if erasure is None:
            raise SessionNotFound
        if not await self.journal.fence(id):
            await self._held(erasure)
            raise SessionHeld
        self.hints.announce(id)
        return self._driven(erasure)

    def _driven(self, erasure: Erasure) -> Erasure:
        """Go on beside the request; what breaks off is the sweep's."""

        async def go_on() -> None:
            try:
                await self.drive(erasure)
            except StoreUnavailable:
                log.warning("erasure left to the sweep", erasure=erasure.id)

        if not erasure.is_over:
            self.background.start(Kind.ERASURES, go_on)
        return erasure

    async def _held(self, erasure: Erasure) -> None:
        """What a user wanted forgotten waits until it is lifted; a single wish was refused, and is not kept."""
        if erasure.parent is None:
            await self.journal.withdraw(erasure.id)
        else:
            await self.journal.wait(erasure.id, Waits.HOLD, HELD_SECONDS)

    async def _pass(self, erasure: Erasure) -> Waits | None:
        """What there is still to be waited for; None where nothing is left."""
        subject = erasure.subject
        if subject is None:
            return None
        if erasure.session_id is not None:
            self.hints.announce(erasure.session_id)
        if isinstance(subject, OfUser) and (waits := await self._sessions(erasure, subject)):
            await self._let_go(erasure, subject)
            return waits
        return Waits.UPLOADS if await self._let_go(erasure, subject) else None

    async def _let_go(self, erasure: Erasure, subject: Subject) -> int:
        left = 0
        for room in self.rooms:
            here = await room.found(subject)
            if here:
                await self.journal.found(erasure.id, here)
                left += await room.erase(subject)
        return left

    async def _sessions(self, erasure: Erasure, user: OfUser) -> Waits | None:
        """Have a user's sessions erased, some at a time; what is to be waited for."""
        ids, holds = await self.journal.sessions_of(user.user_id, user.until, MOST_AT_ONCE)
        if ids:
            await self.journal.found(erasure.id, {"sessions": len(ids)})
        for id in ids:
            child = await self.journal.begin_session(id, erasure.cause, parent=erasure.id)
            if child is not None:
                await self.drive(child)
        if len(ids) == MOST_AT_ONCE or await self.journal.under_way(erasure.id):
            return Waits.SESSIONS
        return Waits.HOLD if holds else None

    async def _after(self, erasure: Erasure) -> bool:
        if not erasure.is_told:
            await self.emit(erasure)
            log.info("erased", erasure=erasure.id, cause=erasure.cause.value, rule=erasure.rule, **erasure.found)
            await self.journal.told(erasure.id, LAST_LOOK_SECONDS)
            return True
        if await self._pass(erasure) is None:
            await self.journal.close(erasure.id)
        return False

    async def _found(self, erasure: Erasure | None, viewer: Viewer) -> Erasure:
        if erasure is None or not erasure.concerns(viewer):
            raise ErasureNotFound
        return erasure

    def _noted(self, viewer: Viewer, on: Mapping[str, object], request_id: str) -> AbstractAsyncContextManager[After]:
        deed = Deed(who=viewer.user_id, action=Action.ERASE, on=on, before={}, request_id=request_id)
        return noted(self.audit_log, deed)
