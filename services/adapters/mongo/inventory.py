"""Files, chunks and records side by side, in MongoDB; every look goes by an index and is bounded."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.audio import BEFORE_ALL, GridAudio
from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ARRIVALS
from services.adapters.mongo.parts import PENDING_STATES, parts_of
from services.adapters.mongo.server_time import raised
from services.interviews.model import Part, PartId, PartState
from services.operations.ports.inventory import Kept, StoredChunk, StoredFile

PER_LOT = 500


class MongoInventory:
    """The port Inventory on the collections of recordings and of their records."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self._files, self._chunks = database["fs.files"], database["fs.chunks"]
        self._parts = parts_of(database)
        self._audio = GridAudio(database)

    async def files(self) -> AsyncIterator[list[StoredFile]]:
        last = BEFORE_ALL
        while rows := await self._next_files(last):
            yield [_file_of(row) for row in rows]
            last = rows[-1]["_id"]

    @confirmed()
    async def _next_files(self, last: ObjectId) -> list[Document]:
        shown = {"length": True, "chunkSize": True}
        return await self._files.find({"_id": {"$gt": last}}, shown, sort=[("_id", 1)], limit=PER_LOT).to_list()

    def loose_chunks(self) -> AsyncIterator[list[PartId]]:
        return self._audio.orphaned_chunks()

    async def needing(self) -> AsyncIterator[list[PartId]]:
        for where, index in (({"state": {"$in": PENDING_STATES}}, "pending"), ({"keep_audio": True}, "kept")):
            cursor = await self._found(where, {"_id": True}, index)
            while ids := await self._next_records(cursor):
                yield ids

    async def arriving(self) -> AsyncIterator[dict[PartId, int]]:
        cursor = await self._found(ARRIVALS, {"arrival.folded": True}, "in_pieces")
        while rows := await self._next_rows(cursor):
            yield {PartId(row["_id"]): int(row["arrival"]["folded"]) for row in rows}

    @confirmed()
    async def _found(self, where: Document, shown: Document, index: str) -> AsyncCursor[Document]:
        """By an index that holds all that is shown; one that the API has not made yet may not be asked for."""
        is_made = index in await self._parts.index_information()
        return self._parts.find(where, shown, hint=index if is_made else None).batch_size(PER_LOT)

    async def _next_records(self, cursor: AsyncCursor[Document]) -> list[PartId]:
        return [PartId(row["_id"]) for row in await self._next_rows(cursor)]

    @confirmed()
    async def _next_rows(self, cursor: AsyncCursor[Document]) -> list[Document]:
        return await cursor.to_list(PER_LOT)

    @confirmed()
    async def chunks(self, ids: Collection[PartId]) -> dict[PartId, list[StoredChunk]]:
        seen: dict[PartId, list[StoredChunk]] = {}
        stages: list[Document] = [
            {"$match": {"files_id": {"$in": [ObjectId(id) for id in ids]}}},
            {"$sort": {"files_id": 1, "n": 1}},
            {"$project": {"files_id": True, "n": True, "size": {"$binarySize": "$data"}}},
        ]
        async for row in await self._chunks.aggregate(stages):
            seen.setdefault(PartId(str(row["files_id"])), []).append(StoredChunk(row["n"], row["size"]))
        return seen

    @confirmed()
    async def records(self, ids: Collection[PartId]) -> dict[PartId, Kept]:
        stages: list[Document] = [
            {"$match": {"_id": {"$in": list(ids)}}},
            {"$project": WITHOUT_TRANSCRIPT},
            {"$set": {"age": {"$subtract": ["$$NOW", {"$ifNull": ["$completed_at", "$created_at"]}]}}},
        ]
        rows = await (await self._parts.aggregate(stages)).to_list()
        return {PartId(row["_id"]): Kept(part_of(row), _seconds(row)) for row in rows}

    @confirmed()
    async def ages(self, ids: Collection[PartId]) -> dict[PartId, float]:
        hello = await self._database.client.admin.command("hello")
        now = hello["localTime"].replace(tzinfo=UTC)
        return {id: (now - _made_at(id)).total_seconds() for id in ids}

    @confirmed()
    async def let_go(self, id: PartId) -> Part | None:
        what = {"keep_audio": False, "settled": False, "rev": raised("rev")}
        row = await self._parts.find_one_and_update(
            {"_id": id, "state": PartState.FAILED.value, "keep_audio": True},
            [{"$set": what}],
            projection=WITHOUT_TRANSCRIPT,
            return_document=ReturnDocument.AFTER,
        )
        return None if row is None else part_of(row)


def _file_of(row: Document) -> StoredFile:
    return StoredFile(PartId(str(row["_id"])), int(row["length"]), int(row["chunkSize"]))


def _seconds(row: Document) -> float:
    age: Any = row.get("age")
    return float("inf") if age is None else float(age) / 1000


def _made_at(id: PartId) -> datetime:
    return ObjectId(id).generation_time
