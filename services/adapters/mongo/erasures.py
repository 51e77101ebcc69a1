"""The journal of erasures, in MongoDB."""

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.holds import NOT_HELD
from services.adapters.mongo.parts import create
from services.adapters.mongo.server_time import NOW, later, reached
from services.adapters.mongo.tolerant import value_of
from services.errors import StoreUnavailable
from services.interviews.erasable import ErasureId
from services.interviews.model import SessionId, UserId
from services.operations.ports.erasures import Cause, Erasure, Owner, State, Waits

OF_SESSION, OF_USER = "s-", "u-"
PAGE = 500
# Where a user may be named, each with an index that begins with him.
NAMING_USERS = (
    ("interview_sessions", "user_id"),
    ("webhooks", "user_id"),
    ("usage", "_id"),
    ("replays", "user_id"),
    ("receipt_chains", "_id"),
    ("audit", "on.user_id"),
)
WORK = {"user_id": True, "title": True, "size": True}
RUNNING = {"state": State.RUNNING.value}


def entry_of(id: SessionId) -> ErasureId:
    """What the entry of a session is called: there is one at most."""
    return ErasureId(f"{OF_SESSION}{id}")


class MongoErasures:
    """The port Erasures on the collections `erasures` and `interview_sessions`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._erasures = database["erasures"]
        self._sessions = database["interview_sessions"]

    @confirmed()
    async def get(self, id: ErasureId) -> Erasure | None:
        row = await self._erasures.find_one({"_id": id})
        return None if row is None else erasure_of(row)

    @confirmed()
    async def of_session(self, id: SessionId) -> Erasure | None:
        return await self.get(entry_of(id))

    @confirmed()
    async def begin_session(
        self, id: SessionId, cause: Cause, *, rule: str | None = None, parent: ErasureId | None = None
    ) -> Erasure | None:
        row = await self._sessions.find_one({"_id": id}, WORK)
        if row is None:
            return await self.of_session(id)
        work = _work_of(row)
        entry = {"session_id": id, "cause": cause.value, "rule": rule, "parent": parent}
        try:
            return await self._begin(entry_of(id), row["user_id"], work, entry)
        except DuplicateKeyError:
            return await self._again(entry_of(id), work)

    async def _again(self, id: ErasureId, work: Document) -> Erasure | None:
        """The session is there in spite of an entry that is over: a backup has brought it back."""
        anew = {**RUNNING, "open": True, "told": False, "done_at": None, "next_at": NOW, "work": {"$literal": work}}
        row = await self._erasures.find_one_and_update(
            {"_id": id, "state": State.DONE.value}, [{"$set": anew}], return_document=ReturnDocument.AFTER
        )
        return erasure_of(row) if row is not None else await self.get(id)

    @confirmed()
    async def begin_user(self, user_id: UserId, cause: Cause) -> Erasure:
        entry = {"session_id": None, "cause": cause.value, "rule": None, "parent": None}
        id = ErasureId(f"{OF_USER}{secrets.token_hex(12)}")
        try:
            return await self._begin(id, user_id, {"user_id": user_id}, {**entry, "sole": user_id})
        except DuplicateKeyError:
            row = await self._erasures.find_one({"sole": user_id})
        if row is None:
            raise StoreUnavailable
        return erasure_of(row)

    async def _begin(self, id: ErasureId, user_id: UserId, work: Document, entry: Document) -> Erasure:
        document = {**entry, **_begun(Owner.of(user_id, secrets.token_hex(16)), work)}
        return erasure_of(await create(self._erasures, id, document, {"next_at": NOW}))

    @confirmed()
    async def withdraw(self, id: ErasureId) -> None:
        await self._erasures.delete_one({"_id": id, **RUNNING})

    @confirmed()
    async def fence(self, id: SessionId) -> bool:
        await self._sessions.delete_one({"_id": id, **NOT_HELD})
        return await self._sessions.find_one({"_id": id}, {"_id": True}) is None

    @confirmed()
    async def found(self, id: ErasureId, counts: Mapping[str, int]) -> None:
        most = {f"found.{kind}": count for kind, count in counts.items()}
        if most:
            await self._erasures.update_one({"_id": id}, {"$max": most})

    @confirmed()
    async def wait(self, id: ErasureId, waits: Waits, seconds: float) -> None:
        what = {"waits": waits.value, "next_at": later(seconds)}
        await self._erasures.update_one({"_id": id, **RUNNING}, [{"$set": what}])

    @confirmed()
    async def finish(self, id: ErasureId) -> Erasure | None:
        done = {"state": State.DONE.value, "done_at": NOW, "waits": None, "next_at": NOW}
        await self._erasures.update_one({"_id": id, **RUNNING}, [{"$set": done}])
        row = await self._erasures.find_one({"_id": id, "state": State.DONE.value, "told": False})
        return None if row is None else erasure_of(row)

    @confirmed()
    async def told(self, id: ErasureId, seconds: float) -> None:
        done = {"_id": id, "state": State.DONE.value, "told": False}
        what = {"told": True, "next_at": later(seconds)}
        await self._erasures.update_one(done, [{"$set": what}, {"$unset": ["work", "sole"]}])

    @confirmed()
    async def close(self, id: ErasureId) -> None:
        await self._erasures.update_one({"_id": id, "state": State.DONE.value, "told": True}, {"$set": {"open": False}})

    @confirmed()
    async def due(self, limit: int) -> list[Erasure]:
        where = {"open": True, "$expr": reached("next_at")}
        return [erasure_of(row) async for row in self._erasures.find(where, sort=[("next_at", 1)], limit=limit)]

    @confirmed()
    async def sessions_of(self, user_id: UserId, until: datetime, limit: int) -> tuple[list[SessionId], bool]:
        own = {"user_id": user_id, "created_at": {"$lte": until}}
        rows = await self._sessions.find({**own, **NOT_HELD}, {"_id": True}, limit=limit).to_list()
        held = await self._sessions.find_one({"user_id": user_id, "held_at": {"$ne": None}, **own}, {"_id": True})
        return [SessionId(row["_id"]) for row in rows], held is not None

    @confirmed()
    async def page(self, after: Erasure | None) -> list[Erasure]:
        later_ones: Document = {} if after is None else {"created_at": {"$gte": after.asked_at}}
        if after is not None:
            later_ones["$or"] = [{"created_at": {"$gt": after.asked_at}}, {"_id": {"$gt": after.id}}]
        rows = self._erasures.find(later_ones, sort=[("created_at", 1), ("_id", 1)], limit=PAGE)
        return [erasure_of(row) async for row in rows]

    async def users(self) -> AsyncIterator[UserId]:
        database = self._sessions.database
        for collection, field in NAMING_USERS:
            last = ""
            while (found := await self._next_user(database[collection], field, last)) is not None:
                yield UserId(found)
                last = found

    @confirmed()
    async def _next_user(self, collection: AsyncCollection[Document], field: str, last: str) -> str | None:
        row = await collection.find_one({field: {"$gt": last}}, {field: True}, sort=[(field, 1)])
        if row is None:
            return None
        for step in field.split("."):
            row = row[step]
        return str(row)

    @confirmed()
    async def reopen(self, entry: Erasure, user_id: UserId | None) -> bool:
        session = await self._sessions.find_one({"_id": entry.session_id}, WORK) if entry.session_id else None
        work = _work_of(session) if session else {"user_id": user_id} if user_id else None
        noted = {"session_id": entry.session_id, "cause": entry.cause.value, "rule": entry.rule, "parent": None}
        anew = {**noted, **_begun(entry.owner, work), "created_at": entry.asked_at}
        what = {name: {"$literal": value} for name, value in anew.items()}
        await self._erasures.update_one({"_id": entry.id}, [{"$set": {**what, "next_at": NOW}}], upsert=True)
        return work is not None

    @confirmed()
    async def remember(self, entry: Erasure) -> None:
        noted = {"session_id": entry.session_id, "cause": entry.cause.value, "rule": entry.rule, "parent": None}
        over = {"state": State.DONE.value, "open": False, "told": True, "created_at": entry.asked_at}
        document = {**noted, **_begun(entry.owner, None), **over}
        await self._erasures.update_one({"_id": entry.id}, {"$setOnInsert": document}, upsert=True)

    @confirmed()
    async def waiting(self) -> int:
        return await self._erasures.count_documents(RUNNING)

    @confirmed()
    async def under_way(self, parent: ErasureId) -> int:
        return await self._erasures.count_documents({"parent": parent, **RUNNING})


def _begun(owner: Owner, work: Document | None) -> Document:
    known = {"owner": asdict(owner), "work": work, "found": {}}
    return {**known, **RUNNING, "open": True, "told": False, "done_at": None, "waits": None}


def _work_of(row: Mapping[str, Any]) -> Document:
    """What is needed to go on after a crash, and is forgotten at the end."""
    return {"user_id": row["user_id"], "title": row.get("title"), "size": row.get("size", 0)}


@confirmed()
async def returned(database: AsyncDatabase[Document]) -> int:
    """How many of the sessions that were erased lately are there, as after a restore."""
    over = database["erasures"].find({}, {"session_id": True, "state": True}, sort=[("created_at", -1)], limit=PAGE)
    ids = [row["session_id"] async for row in over if row["state"] == State.DONE.value and row["session_id"]]
    return await database["interview_sessions"].count_documents({"_id": {"$in": ids}})


def erasure_of(row: Mapping[str, Any]) -> Erasure:
    work: Mapping[str, Any] = row.get("work") or {}
    waits = row.get("waits")
    return value_of(
        Erasure,
        row,
        id=ErasureId(row["_id"]),
        owner=value_of(Owner, row["owner"]),
        cause=Cause(row["cause"]),
        state=State(row["state"]),
        asked_at=row["created_at"],
        found={kind: count for kind, count in row["found"].items() if isinstance(count, int)},
        waits=Waits(waits) if waits else None,
        user_id=work.get("user_id"),
        title=work.get("title"),
        size=work.get("size", 0),
        is_told=row["told"],
    )
