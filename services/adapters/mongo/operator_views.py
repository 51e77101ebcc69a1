"""Single answers and sums for the operators, read from MongoDB by its indexes and its clock."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation

from services.adapters.mongo.audit_log import earlier
from services.adapters.mongo.documents import Document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ANY_CASE
from services.adapters.mongo.interventions import NOT_ACCEPTED
from services.adapters.mongo.parts import parts_of
from services.adapters.mongo.server_time import NOW, past, within
from services.interviews.model import PartState, QuestionId, SessionId, Status, UserId
from services.operations.ports.views import AnswerSeen, Ended, Place, Recent, SessionSeen, Stored, Stuck, Wait

MINUTES = (1, 5, 60)
DAY_SECONDS = 24 * 3600
# In the order of words, nothing comes after this character.
LAST_CHARACTER = "\uffff"

# What waits, and since when; the time that an index is sorted by lies before it.
WAITS: dict[Wait, tuple[Document, str, str]] = {
    Wait.UPLOADING: ({"state": PartState.UPLOADING.value}, "heartbeat_at", "created_at"),
    Wait.QUEUED: ({"state": PartState.QUEUED.value}, "accepted_at", "created_at"),
    Wait.PROCESSING: ({"state": PartState.PROCESSING.value}, "claimed_at", "created_at"),
    Wait.UNSETTLED: ({"settled": False}, "completed_at", "completed_at"),
    Wait.UNSCORED: ({"to_score": True}, "completed_at", "completed_at"),
}


class MongoViews:
    """The port Views on the collections `interview_sessions`, `parts`, `fs.files` and `fs.chunks`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self._sessions = database["interview_sessions"]
        self._parts = parts_of(database)

    @confirmed()
    async def sessions(self, sought: str, limit: int) -> list[SessionSeen]:
        titled = {"title": {"$gte": sought, "$lt": sought + LAST_CHARACTER}}
        found = await asyncio.gather(
            self._found({"_id": sought}, "_id", limit),
            self._found({"user_id": sought}, "-created_at", limit),
            self._found(titled, "title", limit, collation=Collation(**ANY_CASE)),
        )
        each = {row["_id"]: row for rows in found for row in rows}
        return [_session_seen(row) for row in each.values()][:limit]

    async def _found(self, where: Document, order: str, limit: int, **more: Any) -> list[Document]:
        sort = {order.lstrip("-"): -1 if order.startswith("-") else 1}
        shown: list[Document] = [{"$match": where}, {"$sort": sort}, {"$limit": limit}, {"$project": SHORT}]
        return await (await self._sessions.aggregate(shown, **more)).to_list()

    @confirmed()
    async def stuck(self, seconds: float, limit: int) -> list[Stuck]:
        found = await asyncio.gather(*(self._waiting(wait, seconds, limit) for wait in WAITS))
        return [stuck for each in found for stuck in each]

    async def _waiting(self, wait: Wait, seconds: float, limit: int) -> list[Stuck]:
        _, since, order = WAITS[wait]
        oldest: list[Document] = [
            {"$match": _overdue(wait, seconds)},
            {"$sort": {order: 1}},
            {"$limit": limit},
            {"$unset": "transcript"},
            {"$set": {"age": {"$divide": [{"$subtract": [NOW, f"${since}"]}, 1000]}}},
        ]
        rows = await (await self._parts.aggregate(oldest)).to_list()
        return [
            Stuck(wait=wait, part=part_of(row), since=row.get(since), seconds=row["age"] or 0.0, owner=row.get("owner"))
            for row in rows
        ]

    @confirmed()
    async def count_stuck(self, seconds: float, most: int) -> dict[Wait, int]:
        counts = [self._parts.count_documents(_overdue(wait, seconds), limit=most) for wait in WAITS]
        return dict(zip(WAITS, await asyncio.gather(*counts), strict=True))

    @confirmed()
    async def failed(self, before: Place | None, limit: int) -> list[Ended]:
        where = {"state": PartState.FAILED.value, **earlier("completed_at", before)}
        order = [("completed_at", -1), ("_id", -1)]
        rows = await self._parts.find(where, sort=order, limit=limit).to_list()
        newest = await self._newest({row["session_id"] for row in rows})
        return [
            Ended(part=part_of(row), is_newest=newest[row["session_id"], row["question_id"]] == row["take"])
            for row in rows
        ]

    async def _newest(self, sessions: set[str]) -> dict[tuple[str, str], int]:
        accepted = {"session_id": {"$in": sorted(sessions)}, "state": {"$nin": NOT_ACCEPTED}}
        rows = self._parts.find(accepted, {"session_id": True, "question_id": True, "take": True}, sort=[("take", 1)])
        return {(row["session_id"], row["question_id"]): row["take"] async for row in rows}

    @confirmed()
    async def recent(self) -> Recent:
        completed, hour, day = await asyncio.gather(
            asyncio.gather(*map(self._completed, MINUTES)), self._codes(3600), self._codes(DAY_SECONDS)
        )
        by_minutes = dict(zip(MINUTES, completed, strict=True))
        return Recent(completed=by_minutes, failed_in_hour=hour, failed_in_day=day)

    async def _completed(self, minutes: int) -> int:
        lately = {"state": PartState.COMPLETED.value, "$expr": within("completed_at", minutes * 60)}
        return await self._parts.count_documents(lately)

    async def _codes(self, seconds: int) -> dict[str, int]:
        lately: list[Document] = [
            {"$match": {"state": PartState.FAILED.value, "$expr": within("completed_at", seconds)}},
            {"$group": {"_id": "$failure.code", "number": {"$sum": 1}}},
            {"$sort": {"number": -1, "_id": 1}},
        ]
        return {row["_id"]: row["number"] async for row in await self._parts.aggregate(lately)}

    @confirmed()
    async def stored(self) -> Mapping[str, Stored]:
        files, chunks = await asyncio.gather(self._stats("fs.files"), self._stats("fs.chunks"))
        return {"files": files, "chunks": chunks}

    async def _stats(self, collection: str) -> Stored:
        found = await self._database.command("collStats", collection)
        return Stored(
            documents=int(found["count"]), bytes=int(found["size"]), disk_bytes=int(found.get("storageSize", 0))
        )


SHORT = {
    "user_id": True,
    "title": True,
    "created_at": True,
    "questions": {"$size": "$questions"},
    "answers": {
        "$map": {
            "input": {"$objectToArray": "$answers"},
            "in": {
                "question_id": "$$this.k",
                "take": "$$this.v.take",
                "status": "$$this.v.transcription_status",
                "code": "$$this.v.transcription_error_code",
                "file": "$$this.v.gridfs_file_id",
            },
        }
    },
}


def _overdue(wait: Wait, seconds: float) -> Document:
    where, since, order = WAITS[wait]
    return {**where, "$expr": {"$and": [past(since, seconds), past(order, seconds)]}}


def _session_seen(row: Document) -> SessionSeen:
    return SessionSeen(
        id=SessionId(row["_id"]),
        user_id=UserId(row["user_id"]),
        title=row["title"],
        created_at=row["created_at"],
        questions=row["questions"],
        answers=tuple(_answer_seen(answer) for answer in row["answers"]),
    )


def _answer_seen(row: Document) -> AnswerSeen:
    return AnswerSeen(
        question_id=QuestionId(row["question_id"]),
        take=row["take"],
        status=Status(row["status"]),
        code=row["code"],
        audio_stored=row["file"] is not None,
    )
