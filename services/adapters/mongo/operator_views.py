"""Single answers and sums for the operators, read from MongoDB by its indexes and its clock."""

import asyncio
from collections.abc import Mapping

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.failure_views import FailureViews
from services.adapters.mongo.server_time import NOW, past, within
from services.adapters.mongo.session_views import SessionViews
from services.interviews.model import PartState
from services.operations.ports.views import Recent, Stored, Stuck, Wait

MINUTES = (1, 5, 60)
DAY_SECONDS = 24 * 3600

# What waits, and since when; the time that an index is sorted by lies before it.
WAITS: dict[Wait, tuple[Document, str, str]] = {
    Wait.UPLOADING: ({"state": PartState.UPLOADING.value, "arrival": None}, "heartbeat_at", "created_at"),
    Wait.QUEUED: ({"state": PartState.QUEUED.value}, "accepted_at", "created_at"),
    Wait.PROCESSING: ({"state": PartState.PROCESSING.value}, "claimed_at", "created_at"),
    Wait.UNSETTLED: ({"settled": False}, "completed_at", "completed_at"),
    Wait.UNSCORED: ({"to_score": True}, "completed_at", "completed_at"),
}


class MongoViews(FailureViews, SessionViews):
    """The port Views on the collections `interview_sessions`, `parts`, `fs.files` and `fs.chunks`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        FailureViews.__init__(self, database)
        SessionViews.__init__(self, database)
        self._database = database

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


def _overdue(wait: Wait, seconds: float) -> Document:
    where, since, order = WAITS[wait]
    return {**where, "$expr": {"$and": [past(since, seconds), past(order, seconds)]}}
