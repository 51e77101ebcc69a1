"""Recordings in GridFS, written as they arrive and read in small batches."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from services.adapters.mongo.chunks import ChunkWriter, cut
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import WITH_BYTES
from services.adapters.mongo.parts import parts_of, unhurried
from services.adapters.mongo.sealing import SEALED, Sealing, noted, plain_of
from services.errors import AudioMissing, StoreUnavailable
from services.interviews.model import PartId
from services.recordings.ports.audio import CHUNK_BYTES, Deletion, Stored

CHUNKS_PER_READ = 4
KEYS_PER_LOT = 5_000
BEFORE_ALL = ObjectId(bytes(12))
# Where there are bytes of recordings that arrive in pieces, besides chunks; of slices only while they wait.
ARRIVING: dict[str, Document] = {"pieces": {}, "slices": WITH_BYTES}


class GridAudio:
    """The port Audio on GridFS; a file's id is the part's. A sealed recording has the form and length of its own."""

    def __init__(self, database: AsyncDatabase[Document], sealing: Sealing | None = None) -> None:
        self._sealing = sealing or Sealing()
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]
        self._unhurried_chunks, self._unhurried_files = unhurried(self._chunks), unhurried(self._files)
        self._durable_chunks, self._durable_files = _durable(self._chunks), _durable(self._files)
        self._arriving = {name: database[name] for name in ARRIVING}
        self._parts = parts_of(database)

    @confirmed(None)
    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        begun = await self._sealing.begin(id)
        async with ChunkWriter(self._unhurried_chunks, ObjectId(id), begun.seal if begun else None) as writer:
            async for piece in data:
                await writer.write(piece)
            await _all_of(writer.finish(), self._write_file(id, writer.size, {**metadata, **noted(begun)}))
            await self._sealing.confirm(begun)
            return Stored(writer.sha256, writer.size, begun.envelope.epoch if begun else None)

    @confirmed(None)
    async def keep(self, id: PartId, data: bytes, metadata: Mapping[str, object]) -> Stored:
        begun = await self._sealing.begin(id)
        chunks = list(cut(ObjectId(id), data, begun.seal if begun else None))
        file = self._write_file(id, len(data), {**metadata, **noted(begun)})
        # Hashed once both are on their way.
        *_, sha256 = await _to_the_end(_all_of(self._write_chunks(chunks), file, _hash_of(data)))
        await self._sealing.confirm(begun)
        return Stored(sha256, len(data), begun.envelope.epoch if begun else None)

    @confirmed()
    async def _write_chunks(self, chunks: list[Document]) -> None:
        if len(chunks) == 1:
            await self._unhurried_chunks.insert_one(chunks[0])
        else:
            await self._unhurried_chunks.insert_many(chunks)

    @confirmed()
    async def is_whole(self, id: PartId, stored: Stored) -> bool:
        files = await self._durable_files.count_documents({"_id": ObjectId(id)})
        return files == 1 and await self._count(id) == -(-stored.size // CHUNK_BYTES)

    @confirmed()
    async def _write_file(self, id: PartId, size: int, metadata: Mapping[str, object]) -> None:
        await self._unhurried_files.insert_one(file_document(id, size, metadata, datetime.now(UTC)))

    async def _left(self, id: PartId) -> int:
        """How many files and chunks a majority still has, in one look."""
        others = [
            _only("fs.files", "_id", id),
            *(_only(name, "recording", id, **where) for name, where in ARRIVING.items()),
        ]
        of_chunks: list[Document] = [
            {"$match": {"files_id": ObjectId(id)}},
            {"$project": {"_id": False, "files_id": True}},
        ]
        look: list[Document] = [*of_chunks, *({"$unionWith": other} for other in others), {"$count": "left"}]
        rows = await (await self._durable_chunks.aggregate(look)).to_list()
        return int(rows[0]["left"]) if rows else 0

    @confirmed()
    async def _count(self, id: PartId) -> int:
        return await self._durable_chunks.count_documents({"files_id": ObjectId(id)})

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        file = await self._file(id)
        first, inside = divmod(start, CHUNK_BYTES)
        left, seal = int(file["length"]) - first * CHUNK_BYTES, await self._sealing.of(id, file.get("metadata") or {})
        wanted = {"files_id": ObjectId(id), **({"n": {"$gte": first}} if first else {})}
        cursor = self._chunks.find(wanted, {"n": True, **SEALED, "_id": False})
        chunks = cursor.sort("n", 1).batch_size(CHUNKS_PER_READ)
        try:
            for n in count(first):
                chunk = await self._next(chunks) if left > 0 else None
                if chunk is None or chunk["n"] != n:
                    break
                left -= len(chunk["data"])
                yield plain_of(seal, n, chunk)[inside if n == first else 0 :]
        finally:
            with suppress(StoreUnavailable):  # the database forgets it in ten minutes
                await self._close(chunks)
        if left > 0 or start > int(file["length"]):
            raise AudioMissing

    @confirmed()
    async def _next(self, chunks: AsyncCursor[Document]) -> Document | None:
        return await anext(chunks, None)

    @confirmed()
    async def _close(self, chunks: AsyncCursor[Document]) -> None:
        await chunks.close()

    @confirmed()
    async def _file(self, id: PartId) -> Document:
        file = await self._files.find_one({"_id": ObjectId(id)}, {"length": True, "metadata.sealed": True})
        if file is None:
            raise AudioMissing
        return file

    @confirmed()
    async def mark(self, id: PartId, status: str) -> None:
        await self._unhurried_files.update_one({"_id": ObjectId(id)}, {"$set": {"metadata.status": status}})

    @confirmed()
    async def delete(self, id: PartId) -> Deletion:
        async with self._files.database.client.start_session() as session:
            shown = {"metadata.sealed.epoch": True}
            # The second waits for a majority, which then has the first too; what an election undoes is found left.
            file = await self._unhurried_files.find_one_and_delete({"_id": ObjectId(id)}, shown, session=session)
            chunks = await self._chunks.delete_many({"files_id": ObjectId(id)}, session=session)
            left, others = await self._left(id), 0
            if left:
                others = await self._delete_arriving(id, session)
                left = await self._left(id)
            at = session.operation_time.as_datetime() if session.operation_time else None
            epoch = await self._epoch_of_arrival(id) if file is None else _epoch_of(file)
            return Deletion(int(file is not None), chunks.deleted_count + others, left, at, epoch)

    async def _delete_arriving(self, id: PartId, session: AsyncClientSession) -> int:
        """What is there of it in pieces and slices; what an election brought back of the rest goes once more."""
        await self._files.delete_one({"_id": ObjectId(id)}, session=session)
        await self._chunks.delete_many({"files_id": ObjectId(id)}, session=session)
        number = 0
        for name, where in ARRIVING.items():
            own = {"recording": ObjectId(id), **where}
            number += (await self._arriving[name].delete_many(own, session=session)).deleted_count
        return number

    async def _epoch_of_arrival(self, id: PartId) -> str | None:
        row = await self._parts.find_one({"_id": id}, {"arrival.sealed.epoch": True})
        sealed = ((row or {}).get("arrival") or {}).get("sealed")
        return sealed and str(sealed["epoch"])

    @confirmed()
    async def stored(self, id: PartId) -> tuple[int, int]:
        number = await self._count(id)
        for name, where in ARRIVING.items():
            number += await _durable(self._arriving[name]).count_documents({"recording": ObjectId(id), **where})
        return await self._durable_files.count_documents({"_id": ObjectId(id)}), number

    async def orphaned_files(self) -> AsyncIterator[list[PartId]]:
        async for ids in self._lots(self._files, "_id"):
            yield [PartId(str(id)) for id in ids]

    async def orphaned_chunks(self) -> AsyncIterator[list[PartId]]:
        async for ids in self._lots(self._chunks, "files_id"):
            there = await self._with_file(ids)
            yield [PartId(str(id)) for id in ids if id not in there]
        for name, where in ARRIVING.items():
            async for ids in self._lots(self._arriving[name], "recording", where):
                yield [PartId(str(id)) for id in ids]

    async def _lots(
        self, collection: AsyncCollection[Document], field: str, where: Document | None = None
    ) -> AsyncIterator[list[ObjectId]]:
        """All ids that stand in the field, in order; however many there are, few are held."""
        last = BEFORE_ALL
        while ids := await self._next_lot(collection, field, last, where or {}):
            yield ids
            last = ids[-1]

    @confirmed()
    async def _next_lot(
        self, collection: AsyncCollection[Document], field: str, last: ObjectId, where: Document
    ) -> list[ObjectId]:
        shown = {"_id": False, field: True}
        rows = collection.find({field: {"$gt": last}, **where}, shown, sort=[(field, 1)], limit=KEYS_PER_LOT)
        return list(dict.fromkeys([row[field] async for row in rows]))

    @confirmed()
    async def _with_file(self, ids: list[ObjectId]) -> set[ObjectId]:
        return {file["_id"] async for file in self._files.find({"_id": {"$in": ids}}, {"_id": True})}


def file_document(id: PartId, size: int, metadata: Mapping[str, object], now: datetime) -> Document:
    """What every GridFS driver knows a recording by."""
    return {
        "_id": ObjectId(id),
        "length": size,
        "chunkSize": CHUNK_BYTES,
        "uploadDate": now,
        "filename": id,
        "metadata": {**metadata, "upload_date": now},
    }


def _only(collection: str, field: str, id: PartId, **where: Any) -> Document:
    return {"coll": collection, "pipeline": [{"$match": {field: ObjectId(id), **where}}, {"$project": {"_id": True}}]}


def _epoch_of(file: Document | None) -> str | None:
    sealed = ((file or {}).get("metadata") or {}).get("sealed")
    return sealed and str(sealed["epoch"])


def _durable(collection: AsyncCollection[Document]) -> AsyncCollection[Document]:
    return collection.with_options(read_concern=ReadConcern("majority"))


async def _to_the_end(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    """Wait for it also where the caller is cancelled: nothing is on its way when what was written is deleted."""
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise


async def _all_of(*work: Awaitable[Any]) -> list[Any]:
    """Wait for all also where one fails: none may come after what is done about the failure."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return done


async def _hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
