"""Hints and tickets in memory; the contract tests hold them to what Redis and MongoDB do."""

import asyncio
import secrets
from datetime import datetime

from services.errors import Unauthenticated
from services.interview import SessionId, Viewer
from services.ports.access import Ticket
from services.ports.hints import Heard
from tests.fakes import Clock

TICKET_SECONDS = 60


class FakeHints:
    """What is announced is heard at once, or by nobody while it is broken."""

    def __init__(self) -> None:
        self.ears: list[Heard] = []
        self.broken = False

    def announce(self, id: SessionId) -> None:
        for heard in [] if self.broken else self.ears:
            heard(id)

    async def listen(self, heard: Heard) -> None:
        self.ears.append(heard)
        heard(None)
        try:
            await asyncio.Event().wait()
        finally:
            self.ears.remove(heard)


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
