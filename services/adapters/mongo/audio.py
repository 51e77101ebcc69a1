"""Recordings in GridFS, written as they arrive and read in small batches."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from services.adapters.mongo.chunks import CHUNK_BYTES, ChunkWriter
from services.adapters.mongo.confirmed import confirmed
from services.adapters.mongo.documents import Document
from services.adapters.mongo.parts import unhurried
from services.errors import AudioMissing, StoreUnavailable
from services.interview import PartId
from services.ports.audio import Deletion, Stored

CHUNKS_PER_READ = 4


class GridAudio:
    """The port Audio on GridFS; a file's id is the part's."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]
        self._unhurried_chunks, self._unhurried_files = unhurried(self._chunks), unhurried(self._files)
        self._durable_chunks, self._durable_files = _durable(self._chunks), _durable(self._files)

    @confirmed(None)
    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        async with ChunkWriter(self._unhurried_chunks, ObjectId(id)) as writer:
            async for piece in data:
                await writer.write(piece)
            await _both(writer.finish(), self._write_file(id, writer.size, metadata))
            return Stored(writer.sha256, writer.size)

    @confirmed()
    async def is_whole(self, id: PartId, stored: Stored) -> bool:
        files = await self._durable_files.count_documents({"_id": ObjectId(id)})
        return files == 1 and await self._count(id) == -(-stored.size // CHUNK_BYTES)

    @confirmed()
    async def _write_file(self, id: PartId, size: int, metadata: Mapping[str, object]) -> None:
        now = datetime.now(UTC)
        file = {
            "_id": ObjectId(id),
            "length": size,
            "chunkSize": CHUNK_BYTES,
            "uploadDate": now,
            "filename": id,
            "metadata": {**metadata, "upload_date": now},
        }
        await self._unhurried_files.insert_one(file)

    @confirmed()
    async def _count(self, id: PartId) -> int:
        return await self._durable_chunks.count_documents({"files_id": ObjectId(id)})

    async def read(self, id: PartId) -> AsyncIterator[bytes]:
        left = await self._length(id)
        cursor = self._chunks.find({"files_id": ObjectId(id)}, {"data": True, "_id": False})
        chunks = cursor.sort("n", 1).batch_size(CHUNKS_PER_READ)
        try:
            while (chunk := await self._next(chunks)) is not None:
                left -= len(chunk["data"])
                yield bytes(chunk["data"])
        finally:
            with suppress(StoreUnavailable):  # the database forgets it in ten minutes
                await self._close(chunks)
        if left:
            raise AudioMissing

    @confirmed()
    async def _next(self, chunks: AsyncCursor[Document]) -> Document | None:
        return await anext(chunks, None)

    @confirmed()
    async def _close(self, chunks: AsyncCursor[Document]) -> None:
        await chunks.close()

    @confirmed()
    async def _length(self, id: PartId) -> int:
        file = await self._files.find_one({"_id": ObjectId(id)}, {"length": True})
        if file is None:
            raise AudioMissing
        return int(file["length"])

    @confirmed()
    async def mark(self, id: PartId, status: str) -> None:
        await self._unhurried_files.update_one({"_id": ObjectId(id)}, {"$set": {"metadata.status": status}})

    @confirmed()
    async def delete(self, id: PartId) -> Deletion:
        files = await self._files.delete_one({"_id": ObjectId(id)})
        chunks = await self._chunks.delete_many({"files_id": ObjectId(id)})
        left = await self._files.count_documents({"_id": ObjectId(id)}) + await self._count(id)
        return Deletion(files.deleted_count, chunks.deleted_count, left)

    @confirmed()
    async def stray_files(self) -> list[PartId]:
        files = self._files.find({}, {"_id": True}, hint="_id_")
        return [PartId(str(file["_id"])) async for file in files]

    @confirmed()
    async def stray_chunks(self) -> list[PartId]:
        without_file: list[Document] = [
            {"$group": {"_id": "$files_id"}},
            {"$lookup": {"from": self._files.name, "localField": "_id", "foreignField": "_id", "as": "file"}},
            {"$match": {"file": []}},
        ]
        ids = await self._chunks.aggregate(without_file, hint="files_id_1_n_1")
        return [PartId(str(row["_id"])) async for row in ids]


def _durable(collection: AsyncCollection[Document]) -> AsyncCollection[Document]:
    return collection.with_options(read_concern=ReadConcern("majority"))


async def _both(*writes: Awaitable[None]) -> None:
    """Wait for both also where one fails: none may come after what is done about the failure."""
    for done in await asyncio.gather(*writes, return_exceptions=True):
        if isinstance(done, BaseException):
            raise done
