"""What came, ended and waited lately, in MongoDB: one small document for each minute, forgotten after a day."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import parts_of, unhurried
from services.interviews.model import PartState
from services.operations.ports.trends import Bin, TrendSpan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOST_NOTED = 60
# A write that began before a minute was over may show a moment later.
SETTLING = timedelta(seconds=2)
DUPLICATE_KEY = 11000


class MongoTrends:
    """The port Trends on the collections `trends` and `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self._parts = parts_of(database)
        self._trends = unhurried(database["trends"])

    @confirmed()
    async def note(self) -> None:
        last, now = await asyncio.gather(self._trends.find_one(sort=[("_id", -1)]), self._now())
        end = minute_of(now - SETTLING)
        first = max(end - MOST_NOTED, last["_id"] + 1 if last else 0)
        if first >= end:
            return
        accepted, completed, failed, waiting = await asyncio.gather(
            self._counted("accepted_at", {}, first, end),
            self._counted("completed_at", {"state": PartState.COMPLETED.value}, first, end),
            self._counted("completed_at", {"state": PartState.FAILED.value}, first, end),
            self._parts.count_documents({"state": PartState.QUEUED.value}),
        )
        await self._keep(
            {
                "_id": minute,
                "at": start_of(minute),
                "accepted": accepted.get(minute, 0),
                "completed": completed.get(minute, 0),
                "failed": failed.get(minute, 0),
                "waiting": waiting if minute == end - 1 else None,
            }
            for minute in range(first, end)
        )

    async def _now(self) -> datetime:
        now: datetime = (await self._database.command("hello"))["localTime"]
        return now.replace(tzinfo=UTC) if now.tzinfo is None else now

    async def _counted(self, field: str, where: Document, first: int, end: int) -> Mapping[int, int]:
        """How many by minutes, answered by an index alone."""
        stages: list[Document] = [
            {"$match": {**where, field: {"$gte": start_of(first), "$lt": start_of(end)}}},
            {"$group": {"_id": {"$floor": {"$divide": [{"$toLong": f"${field}"}, 60_000]}}, "number": {"$sum": 1}}},
        ]
        return {int(row["_id"]): row["number"] async for row in await self._parts.aggregate(stages)}

    async def _keep(self, minutes: Iterable[Document]) -> None:
        try:
            await self._trends.insert_many(minutes, ordered=False)
        except BulkWriteError as trouble:  # another process noted them
            if any(each["code"] != DUPLICATE_KEY for each in trouble.details["writeErrors"]):
                raise

    @confirmed()
    async def bins(self, span: TrendSpan) -> list[Bin]:
        newest = minute_of(await self._now()) // span.minutes
        first = newest - span.bins + 1
        stages: list[Document] = [
            {"$match": {"_id": {"$gte": first * span.minutes}}},
            {
                "$group": {
                    "_id": {"$floor": {"$divide": ["$_id", span.minutes]}},
                    **{name: {"$sum": f"${name}"} for name in ("accepted", "completed", "failed")},
                    "waiting": {"$max": "$waiting"},
                }
            },
        ]
        rows = {int(row.pop("_id")): row async for row in await self._trends.aggregate(stages)}
        return [
            Bin(since=start_of(number * span.minutes), seen=number in rows, **rows.get(number, {}))
            for number in range(first, newest + 1)
        ]


def minute_of(moment: datetime) -> int:
    return (moment - EPOCH) // MINUTE


def start_of(minute: int) -> datetime:
    return EPOCH + minute * MINUTE
