"""What has been kept for long enough, in MongoDB: found by index, some at a time."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.audit_log import BEGUN, end_of
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.holds import NOT_HELD, held_sessions
from services.adapters.mongo.server_time import NOW
from services.interviews.model import SessionId
from services.operations.ports.retained import RecordKind

# An index that holds only what is settled is used only where that is asked for.
OVER: Document = {"settled": True, "to_score": False, "keep_audio": False, "held": {"$ne": True}}


class MongoRetained:
    """The port Retained, by the database's own clock."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self._sessions = database["interview_sessions"]
        self._removals: dict[RecordKind, Callable[[datetime, int], Awaitable[int]]] = {
            RecordKind.RECORDINGS: self._recordings,
            RecordKind.EVENTS: self._events,
            RecordKind.DELIVERIES: self._deliveries,
            RecordKind.AUDIT: self._audit,
        }

    @confirmed()
    async def sessions(self, seconds: float, limit: int) -> list[SessionId]:
        until = await self._ago(seconds)
        idle = {"active_at": {"$lte": until}, **NOT_HELD}
        rows = await self._sessions.find(idle, {"_id": True}, sort=[("active_at", 1)], limit=limit).to_list()
        if len(rows) < limit:
            rows += await self._sessions.find(_older(until), {"_id": True}, limit=limit - len(rows)).to_list()
        return [SessionId(row["_id"]) for row in rows]

    @confirmed()
    async def remove(self, kind: RecordKind, seconds: float, limit: int) -> int:
        return await self._removals[kind](await self._ago(seconds), limit)

    @confirmed()
    async def count(self, kind: RecordKind, seconds: float, limit: int) -> int:
        until = await self._ago(seconds)
        if kind is RecordKind.SESSIONS:
            return len(await self.sessions(seconds, limit))
        if kind is RecordKind.RECORDINGS:
            return await self._database["parts"].count_documents({**OVER, "completed_at": {"$lte": until}}, limit=limit)
        if kind is RecordKind.EVENTS:
            return len(await self._with_old_events(until, limit))
        collection, where = (
            ("webhook_deliveries", await self._of_others("data.session_id"))
            if kind is RecordKind.DELIVERIES
            else ("audit", {"step": BEGUN, **await self._of_others("on.session_id")})
        )
        return await self._database[collection].count_documents({"created_at": {"$lte": until}, **where}, limit=limit)

    async def _recordings(self, until: datetime, limit: int) -> int:
        over = {**OVER, "completed_at": {"$lte": until}}
        ids = await self._ids("parts", over, "completed_at", limit)
        # What is known of their slices goes first: it is found by them.
        await self._database["slices"].delete_many({"recording": {"$in": [ObjectId(id) for id in ids]}})
        await self._delete(
            "calls", {"ended_at": {"$lte": until}, **await self._of_others("session_id")}, "ended_at", limit
        )
        return (await self._database["parts"].delete_many({**over, "_id": {"$in": ids}})).deleted_count

    async def _deliveries(self, until: datetime, limit: int) -> int:
        where = {"created_at": {"$lte": until}, **await self._of_others("data.session_id")}
        return await self._delete("webhook_deliveries", where, "created_at", limit)

    async def _audit(self, until: datetime, limit: int) -> int:
        where = {"step": BEGUN, "created_at": {"$lte": until}, **await self._of_others("on.session_id")}
        ids = await self._ids("audit", where, "created_at", limit)
        # What came of a deed goes first: it is found by the deed.
        await self._database["audit"].delete_many({"_id": {"$in": [end_of(id) for id in ids]}})
        return (await self._database["audit"].delete_many({"_id": {"$in": ids}})).deleted_count

    async def _events(self, until: datetime, limit: int) -> int:
        removed = 0
        for id in await self._with_old_events(until, limit):
            younger = {"$filter": {"input": {"$ifNull": ["$events", []]}, "cond": {"$gt": ["$$this.at", until]}}}
            first = {"$ifNull": [{"$first": "$events.at"}, NOW]}
            before = await self._sessions.find_one_and_update(
                {"_id": id, **NOT_HELD},
                [{"$set": {"events": younger}}, {"$set": {"events_from": first}}],
                projection={"events.at": True},
            )
            removed += len([each for each in (before or {}).get("events", []) if each["at"] <= until])
        return removed

    async def _with_old_events(self, until: datetime, limit: int) -> list[str]:
        """A session's events are no older than it is, and than what was left of them the last time."""
        never = {"events_from": None, "created_at": {"$lte": until}, **NOT_HELD}
        again = {"events_from": {"$lte": until}, **NOT_HELD}
        rows = await self._sessions.find(never, {"_id": True}, limit=limit).to_list()
        if len(rows) < limit:
            rows += await self._sessions.find(again, {"_id": True}, limit=limit - len(rows)).to_list()
        return [row["_id"] for row in rows]

    async def _delete(self, collection: str, where: Document, order: str, limit: int) -> int:
        ids = await self._ids(collection, where, order, limit)
        if not ids:
            return 0
        return (await self._database[collection].delete_many({**where, "_id": {"$in": ids}})).deleted_count

    async def _ids(self, collection: str, where: Document, order: str, limit: int) -> list[Any]:
        found = self._database[collection].find(where, {"_id": True}, sort=[(order, 1)], limit=limit)
        return [row["_id"] async for row in found]

    async def _of_others(self, field: str) -> Document:
        """A filter: of no session that is held."""
        held = await held_sessions(self._database)
        return {field: {"$nin": held}} if held else {}

    async def _ago(self, seconds: float) -> datetime:
        hello = await self._database.command("hello")
        now: datetime = hello["localTime"]
        return now.replace(tzinfo=UTC) - timedelta(seconds=seconds)


def _older(until: datetime) -> Document:
    """As versions wrote them that did not note when something happened last."""
    quiet = {"events.at": {"$not": {"$gt": until}}}
    return {"active_at": None, "created_at": {"$lte": until}, **quiet, **NOT_HELD}
