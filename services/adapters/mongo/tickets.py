"""Tickets to the events of sessions, in MongoDB: only what their secrets hash to is kept, and not for long."""

import hashlib
import secrets

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import create
from services.adapters.mongo.server_time import NOW, within
from services.errors import Unauthenticated
from services.events.ports import Ticket
from services.interviews.model import SessionId, UserId, Viewer

TICKET_SECONDS = 60
INVALID = "The ticket has expired, or is no ticket to this session. Get a new one."


class MongoTickets:
    """The port TicketStore on the collection `tickets`, which forgets a ticket soon after it has expired."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._tickets = database["tickets"]

    @confirmed()
    async def issue(self, id: SessionId, viewer: Viewer) -> Ticket:
        secret = secrets.token_urlsafe(32)
        document = {"session_id": id, "user_id": viewer.user_id, "is_admin": viewer.is_admin}
        await create(self._tickets, _hash(secret), document, {"issued_at": NOW})
        return Ticket(secret, TICKET_SECONDS)

    @confirmed()
    async def redeem(self, secret: str, id: SessionId) -> Viewer:
        still_valid = {"$expr": within("issued_at", TICKET_SECONDS)}
        row = await self._tickets.find_one({"_id": _hash(secret), "session_id": id, **still_valid})
        if row is None:
            raise Unauthenticated(INVALID)
        return Viewer(UserId(row["user_id"]), row["is_admin"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
