"""What telling of events needs from outside."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from services.events.model import Event
from services.interviews.model import Session, SessionId, Viewer

Heard = Callable[[SessionId | None], None]


class Hints(Protocol):
    """A hint may be lost, doubled or late; who hears one goes and reads."""

    def announce(self, id: SessionId) -> None:
        """Say to every process that this session has news. Never waits and never fails."""

    async def listen(self, heard: Heard) -> None:
        """Pass on what any process announces, for ever; None where announcements may have been missed."""


@dataclass(frozen=True, slots=True)
class News:
    """A session, and its events after a cursor, oldest first; None if these cannot be told any more."""

    session: Session
    events: tuple[Event, ...] | None


class Events(Protocol):
    """The events of sessions; each is kept in the same write as its change."""

    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        """What came after the event of this number, and the session as it then is; SessionNotFound."""

    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        """The number of the newest event of each of these sessions."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A secret that opens one session's events to its viewer, for so many seconds."""

    secret: str
    seconds: int


class TicketStore(Protocol):
    async def issue(self, id: SessionId, viewer: Viewer) -> Ticket:
        """A new ticket to this session; the caller has checked that the viewer may see it."""

    async def redeem(self, secret: str, id: SessionId) -> Viewer:
        """Whose ticket it is; Unauthenticated if there is none, if it has expired, or if it is another session's."""
