"""The pieces of recordings that arrive, in MongoDB, and the chunks that are made of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.read_concern import ReadConcern

from services.adapters.mongo.audio import file_document
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.group_commit import DUPLICATE_KEY, GroupCommit, inserted
from services.adapters.mongo.indexes import INDEXES
from services.adapters.mongo.parts import parts_of, unhurried
from services.adapters.mongo.sealing import SEALED, Sealing, contents, piece_at, plain_of, sealed_under
from services.adapters.mongo.seals import Seals
from services.errors import AudioMissing
from services.interviews.model import PartId, PartState
from services.recordings.ports.arrivals import Appended, Arriving, Outcome, cut_at_chunks
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.sealing import Seal

STANDING = {
    "state": True,
    "arrival.folded": True,
    "arrival.closed": True,
    "arrival.writer": True,
    "arrival.length": True,
}
SIZES = {"_id": False, "offset": True, "size": True}


class MongoPieces:
    """The port Pieces on the collections `pieces`, `fs.chunks` and `fs.files`."""

    def __init__(self, database: AsyncDatabase[Document], sealing: Sealing | None = None) -> None:
        self._pieces = database["pieces"]
        self._durable = self._pieces.with_options(read_concern=ReadConcern("majority"))
        self._chunks, self._files, self._parts = database["fs.chunks"], database["fs.files"], parts_of(database)
        self._durable_parts = self._parts.with_options(read_concern=ReadConcern("majority"))
        self._seals = Seals(sealing or Sealing())
        self._is_indexed = False
        self._group = GroupCommit(collection=self._pieces, records=self._parts, shown=STANDING)

    @confirmed()
    async def append(self, arriving: Arriving, at: int, data: bytes, writer: int | None = None) -> Appended:
        await self._indexed()
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        documents = [_document(id, seal, offset, piece) for offset, piece in cut_at_chunks(at, data)]
        if len(documents) == 1:
            is_kept, row = await self._group.keep(documents[0])
            kept = documents if is_kept else []
        else:
            taken = await inserted(self._pieces, documents, ordered=True)
            kept = [document for number, document in enumerate(documents) if number not in taken]
            row = (await self._group.look([id])).get(id)
        if not kept:
            return Appended(0, Outcome.LOST)
        outcome = _outcome(row, at, writer)
        if useless := _useless(row, kept):
            await self._remove(useless)
            return Appended(0, outcome)
        is_cut = len(kept) < len(documents) and outcome is not Outcome.OVER
        size = sum(document["size"] for document in kept)
        return Appended(size, Outcome.LOST if is_cut else outcome, _length(row))

    @confirmed()
    async def append_chunks(
        self, arriving: Arriving, at: int, data: bytes, writer: int | None = None
    ) -> Appended | None:
        await self._indexed()
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        chunks = [_chunk_of(id, seal, offset, piece) for offset, piece in cut_at_chunks(at, data)]
        try:
            row = await self._kept_as_chunks(id, at, chunks)
        except DuplicateKeyError:
            return Appended(0, Outcome.LOST)
        except OperationFailure as trouble:
            if _is_taken(trouble):
                return Appended(0, Outcome.LOST)
            if trouble.has_error_label("TransientTransactionError"):
                return None
            raise
        if row is None:
            return None
        outcome = Outcome.KEPT if writer in (None, row["arrival"]["writer"]) else Outcome.TAKEN_OVER
        return Appended(len(data), outcome, _length(row), folded=row["arrival"]["folded"])

    async def _kept_as_chunks(self, id: PartId, at: int, chunks: list[Document]) -> Document | None:
        """The record, which says that they are there; None where not all before them is in chunks, or it is over.

        What stands at their place is one document for pieces and chunks alike: of two that come at once one is kept.
        """
        until = at + len(chunks) * CHUNK_BYTES
        place = {"recording": ObjectId(id), "offset": at, "size": 0, "data": b""}
        where = {"_id": id, "state": PartState.UPLOADING.value, "arrival.folded": at, "arrival.closed": False}
        async with self._pieces.database.client.start_session() as session, await session.start_transaction():
            row = await self._parts.find_one_and_update(
                where,
                {"$set": {"arrival.folded": until}},
                projection=STANDING,
                return_document=ReturnDocument.AFTER,
                session=session,
            )
            if row is None:
                await session.abort_transaction()
                return None
            await self._pieces.insert_one(place, session=session)
            await self._chunks.insert_many(chunks, session=session)
        return dict(row)

    async def _indexed(self) -> None:
        """The unique index is what two appends at one place are told apart by: nothing is kept before it is there."""
        if not self._is_indexed:
            async with confirmed():
                await self._pieces.create_indexes(INDEXES["pieces"])
            self._is_indexed = True

    @confirmed()
    async def _remove(self, documents: Sequence[Document]) -> None:
        await self._pieces.delete_many({"_id": {"$in": [document["_id"] for document in documents]}})

    @confirmed()
    async def offset(self, id: PartId) -> int:
        folded = await self._folded(id)
        while True:
            end = await self._end_of_pieces(id, folded)
            now = await self._folded(id)
            if now == folded:
                return end
            folded = now  # what was folded meanwhile has no pieces any more

    @confirmed()
    async def _end_of_pieces(self, id: PartId, end: int) -> int:
        """Where the pieces end that follow each other from this byte on."""
        where = {"recording": ObjectId(id), "offset": {"$gte": end}}
        async for row in self._durable.find(where, SIZES, sort=[("offset", 1)]):
            if row["offset"] != end:
                break
            end += row["size"]
        return end

    async def read(self, arriving: Arriving, start: int = 0) -> AsyncIterator[bytes]:
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        at, before = start, (-1, -1)
        while (now := (at, await self._folded(id))) != before:  # what is folded meanwhile has no pieces any more
            before, folded = now, now[1]
            while at < folded:
                n, skipped = divmod(at, CHUNK_BYTES)
                plain = await self._chunk(id, seal, n)
                at += len(plain) - skipped
                yield plain[skipped:]
            for row in await self._from(id, at):
                skipped = at - row["offset"]
                if 0 <= skipped < row["size"]:
                    at += row["size"] - skipped
                    yield _plain(seal, row)[skipped:]

    @confirmed()
    async def _folded(self, id: PartId) -> int:
        row = await self._durable_parts.find_one({"_id": id}, {"arrival.folded": True})
        if row is None or "arrival" not in row:
            raise AudioMissing
        return int(row["arrival"]["folded"])

    @confirmed()
    async def _chunk(self, id: PartId, seal: Seal | None, n: int) -> bytes:
        chunk = await self._chunks.find_one({"files_id": ObjectId(id), "n": n})
        if chunk is None:
            raise AudioMissing
        return plain_of(seal, n, chunk)

    @confirmed()
    async def _from(self, id: PartId, at: int) -> list[Document]:
        """The pieces of the chunk in which this byte is."""
        first = at - at % CHUNK_BYTES
        where = {"recording": ObjectId(id), "offset": {"$gte": first, "$lt": first + CHUNK_BYTES}}
        return await self._durable.find(where, sort=[("offset", 1)]).to_list()

    @confirmed()
    async def write_chunk(self, arriving: Arriving, n: int, size: int) -> bool:
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        plain = bytearray()
        for row in await self._from(id, n * CHUNK_BYTES):
            if row["offset"] != n * CHUNK_BYTES + len(plain):
                break
            plain += _plain(seal, row)
        if len(plain) < size:
            return False
        with memoryview(plain) as held, held[:size] as whole:
            chunk = {"files_id": ObjectId(id), "n": n, **contents(seal, n, whole)}
        try:
            await self._chunks.replace_one({"files_id": ObjectId(id), "n": n}, chunk, upsert=True)
        except DuplicateKeyError:  # another one has just made the same
            return True
        return True

    @confirmed()
    async def let_go(self, id: PartId, below: int) -> None:
        await unhurried(self._pieces).delete_many({"recording": ObjectId(id), "offset": {"$lt": below}})

    @confirmed()
    async def write_file(self, arriving: Arriving, size: int, metadata: Mapping[str, object]) -> None:
        file = file_document(arriving.part.id, size, {**metadata, **sealed_under(arriving.envelope)}, datetime.now(UTC))
        await self._files.replace_one({"_id": file["_id"]}, file, upsert=True)


def _document(id: PartId, seal: Seal | None, offset: int, plain: bytes) -> Document:
    piece: Document = {"_id": ObjectId(), "recording": ObjectId(id), "offset": offset, "size": len(plain)}
    if seal is None:
        return {**piece, "data": plain}
    data, tag, nonce = seal.seal_at(piece_at(offset), plain)
    return {**piece, "data": data, "tag": tag, "nonce": nonce}


def _chunk_of(id: PartId, seal: Seal | None, offset: int, plain: bytes) -> Document:
    piece = _document(id, seal, offset, plain)
    return {
        "files_id": ObjectId(id),
        "n": offset // CHUNK_BYTES,
        **{name: piece[name] for name in SEALED if name in piece},
    }


def _is_taken(trouble: OperationFailure) -> bool:
    errors = (trouble.details or {}).get("writeErrors", [])
    return bool(errors) and all(error["code"] == DUPLICATE_KEY for error in errors)


def _plain(seal: Seal | None, row: Mapping[str, Any]) -> bytes:
    data = bytes(row["data"])
    if seal is None:
        return data
    return seal.open_at(piece_at(row["offset"]), data, bytes(row.get("nonce", b"")), bytes(row.get("tag", b"")))


def _outcome(row: Document | None, at: int, writer: int | None) -> Outcome:
    """What has become of what was kept, as the record says after that."""
    if row is None or not _is_uploading(row) or row["arrival"]["closed"]:
        return Outcome.OVER
    if row["arrival"]["folded"] > at:
        return Outcome.LOST
    return Outcome.KEPT if writer in (None, row["arrival"]["writer"]) else Outcome.TAKEN_OVER


def _length(row: Document | None) -> int | None:
    return row["arrival"].get("length") if row is not None else None


def _useless(row: Document | None, documents: list[Document]) -> list[Document]:
    """Those that came when the recording had ended, or chunks had what was at their place."""
    if row is None or not _is_uploading(row):
        return documents
    return [document for document in documents if document["offset"] < row["arrival"]["folded"]]


def _is_uploading(row: Document | None) -> bool:
    return row is not None and row["state"] == PartState.UPLOADING.value and "arrival" in row
