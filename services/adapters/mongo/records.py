"""The records, to be read, and how much work stands in them."""

import asyncio
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_of, transcript_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.listening import BEHIND
from services.adapters.mongo.parts import PENDING_STATES, parts_of
from services.adapters.mongo.server_time import within
from services.adapters.mongo.workers import MongoWorkers
from services.interviews.model import DROPPED, Part, PartId, PartState, QuestionId, SessionId, UserId
from services.interviews.transcript import Transcript
from services.recordings.ports.arrivals import NOWHERE
from services.recordings.ports.backlog import Pace

PENDING = {"state": {"$in": PENDING_STATES}}
DROPPED_STATES = sorted(state.value for state in DROPPED)
SECONDS_EACH_AT_FIRST = 2.0
LAST_COMPLETED = 20
MOST_COUNTED = 2000
# A longer transcript is read beside the loop: of hours it takes a second.
LONG = 8_000


class MongoRecords:
    """The port Records on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document], *, upload_silence_seconds: float = 60.0) -> None:
        self._parts, self._slices = parts_of(database), database["slices"]
        given_up = {"state": PartState.ABORTED.value, "$expr": within("completed_at", upload_silence_seconds)}
        self._may_arrive = {"sha256": None, "$or": [{"state": PartState.UPLOADING.value}, given_up]}

    @confirmed()
    async def of_session(self, id: SessionId) -> list[PartId]:
        rows = await self._parts.find({"session_id": id}, {"_id": True}).to_list()
        return [PartId(row["_id"]) for row in rows]

    @confirmed()
    async def unplaced(self, user_id: UserId, until: datetime) -> list[PartId]:
        where = {"session_id": NOWHERE, "user_id": user_id, "created_at": {"$lte": until}}
        return [PartId(row["_id"]) async for row in self._parts.find(where, {"_id": True})]

    @confirmed()
    async def forget(self, id: PartId, *, is_over: bool = False) -> bool:
        await self._slices.delete_many({"recording": ObjectId(id)})
        await self._parts.delete_one({"_id": id} if is_over else {"_id": id, "$nor": [self._may_arrive]})
        return await self._parts.find_one({"_id": id}, {"_id": True}) is None

    @confirmed()
    async def get(self, id: PartId) -> Part | None:
        row = await self._parts.find_one({"_id": id}, WITHOUT_TRANSCRIPT)
        return None if row is None else part_of(row)

    @confirmed()
    async def transcript(self, id: PartId) -> Transcript | None:
        row = await self._parts.find_one({"_id": id, "state": PartState.COMPLETED.value}, {"transcript": True})
        if row is None:
            return None
        said = row["transcript"]
        return await asyncio.to_thread(transcript_of, said) if len(said["text"]) > LONG else transcript_of(said)

    @confirmed()
    async def text(self, id: PartId) -> str | None:
        row = await self._parts.find_one({"_id": id, "state": PartState.COMPLETED.value}, {"transcript.text": True})
        return None if row is None else str(row["transcript"]["text"])

    @confirmed()
    async def newest_takes(self, session_id: SessionId) -> dict[QuestionId, int]:
        counting = {"session_id": session_id, "state": {"$nin": DROPPED_STATES}}
        rows = await self._parts.find(counting, {"question_id": True, "take": True}, sort=[("take", 1)]).to_list()
        return {row["question_id"]: row["take"] for row in rows}


class MongoBacklog:
    """The port Backlog on the collections `parts` and `workers`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)
        self._workers = MongoWorkers(database)

    @confirmed()
    async def ahead(self, session_id: SessionId | None) -> int:
        if session_id is None:
            return await self._pending() + await self._parts.count_documents(BEHIND, limit=MOST_COUNTED)
        own = await self._parts.find({"session_id": session_id, **PENDING}, {"created_at": True}).to_list()
        if not own:
            return 0
        return await self._pending(created_at={"$lte": max(row["created_at"] for row in own)})

    @confirmed()
    async def pace(self) -> Pace:
        workers, seconds = await asyncio.gather(self._workers.alive(), self._seconds_each())
        return Pace(max(1, sum(worker.slots for worker in workers)), seconds)

    @confirmed()
    async def queued_seconds(self, user_id: UserId) -> float:
        own = {"$match": {"user_id": user_id, **PENDING}}
        total = {"$group": {"_id": None, "seconds": {"$sum": "$estimated_seconds"}}}
        rows = await (await self._parts.aggregate([own, total])).to_list()
        return float(rows[0]["seconds"]) if rows else 0.0

    async def _pending(self, **where: Any) -> int:
        return await self._parts.count_documents({**PENDING, **where}, limit=MOST_COUNTED)

    async def _seconds_each(self) -> float:
        last = self._parts.find(
            {"state": PartState.COMPLETED.value},
            {"_id": False, "processing_seconds": True},
            sort=[("completed_at", -1)],
            limit=LAST_COMPLETED,
        )
        seconds = [row["processing_seconds"] for row in await last.to_list()]
        return sum(seconds) / len(seconds) if seconds else SECONDS_EACH_AT_FIRST
