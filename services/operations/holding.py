"""An operator holds a session, and lifts that again, with a reason that stands in the log.

While it is held, no clock and no wish takes anything of it away: not the time for which records or the audio of
failed answers are kept, and no erasure. What was due meanwhile goes with the next sweep after the hold is lifted.
"""

from dataclasses import dataclass

from services.errors import NotHeld
from services.interviews.model import SessionId
from services.interviews.ports import Sessions
from services.operations.interventions import Operator
from services.operations.noting import noted
from services.operations.ports.audit_log import Action, AuditLog, Deed
from services.operations.ports.holds import Holds


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    sessions: Sessions
    holds: Holds
    audit_log: AuditLog

    async def place(self, id: SessionId, reason: str, operator: Operator) -> None:
        """Hold a session; SessionNotFound, SessionErased. Holding it again changes nothing."""
        session = await self.sessions.get(id, operator.viewer)
        async with noted(self.audit_log, _deed(Action.HOLD, id, reason, operator)):
            if not await self.holds.place(session.id):
                await self.sessions.get(id, operator.viewer)

    async def lift(self, id: SessionId, reason: str, operator: Operator) -> None:
        """Hold it no longer; SessionNotFound, NotHeld."""
        await self.sessions.get(id, operator.viewer)
        async with noted(self.audit_log, _deed(Action.LIFT, id, reason, operator)):
            if not await self.holds.lift(id):
                raise NotHeld


def _deed(action: Action, id: SessionId, reason: str, operator: Operator) -> Deed:
    on = {"session_id": id}
    return Deed(who=operator.who, action=action, on=on, before={}, request_id=operator.request_id, reason=reason)
