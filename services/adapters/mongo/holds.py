"""Legal holds in MongoDB: on the session's document, and from there on each record of its recordings."""

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.server_time import NOW
from services.interviews.model import SessionId

HELD: Document = {"held_at": {"$ne": None}}
NOT_HELD: Document = {"held_at": None}


class MongoHolds:
    """The port Holds on the collections `interview_sessions` and `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._sessions = database["interview_sessions"]
        self._parts = database["parts"]

    @confirmed()
    async def place(self, id: SessionId) -> bool:
        held = await self._sessions.update_one({"_id": id, **NOT_HELD}, [{"$set": {"held_at": NOW}}])
        if not held.matched_count and await self._sessions.find_one({"_id": id}, {"_id": True}) is None:
            return False
        await self._parts.update_many({"session_id": id}, {"$set": {"held": True}})
        return True

    @confirmed()
    async def lift(self, id: SessionId) -> bool:
        lifted = await self._sessions.update_one({"_id": id, **HELD}, {"$unset": {"held_at": True}})
        await self._parts.update_many({"session_id": id}, {"$unset": {"held": True}})
        return lifted.matched_count == 1

    @confirmed()
    async def refresh(self) -> int:
        held = await held_sessions(self._sessions.database)
        if held:
            came = {"session_id": {"$in": held}, "held": {"$ne": True}}
            await self._parts.update_many(came, {"$set": {"held": True}})
        # Where a lifting broke off.
        await self._parts.update_many({"held": True, "session_id": {"$nin": held}}, {"$unset": {"held": True}})
        return len(held)


async def held_sessions(database: AsyncDatabase[Document]) -> list[SessionId]:
    """All that are held; there are few."""
    return [row["_id"] async for row in database["interview_sessions"].find(HELD, {"_id": True})]
