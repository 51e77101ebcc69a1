"""A ticket lets a browser listen to one session where it cannot send a token."""

from dataclasses import dataclass

from services.events.ports import Ticket, TicketStore
from services.interviews.model import SessionId, Viewer
from services.interviews.ports import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickets:
    sessions: Sessions
    store: TicketStore

    async def issue(self, id: SessionId, viewer: Viewer) -> Ticket:
        """A ticket to a session that the viewer may see; SessionNotFound."""
        await self.sessions.get(id, viewer)
        return await self.store.issue(id, viewer)

    async def viewer(self, ticket: str, id: SessionId) -> Viewer:
        """Who it was given to; Unauthenticated if it is not a valid ticket to this session."""
        return await self.store.redeem(ticket, id)
