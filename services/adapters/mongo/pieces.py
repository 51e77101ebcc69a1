"""The pieces of recordings that arrive, in MongoDB, and the chunks that are made of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from services.adapters.mongo.audio import file_document
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.group_commit import GroupCommit, inserted
from services.adapters.mongo.indexes import INDEXES
from services.adapters.mongo.parts import LIVE_STATES, parts_of, unhurried
from services.adapters.mongo.sealing import Sealing, contents, piece_at, plain_of, sealed_under
from services.adapters.mongo.seals import Seals
from services.errors import AudioMissing
from services.interviews.model import PartId, PartState
from services.recordings.ports.arrivals import Appended, Arriving, Outcome, cut_at_chunks
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.sealing import Seal

STANDING = {
    "state": True,
    "keep_audio": True,
    "arrival.folded": True,
    "arrival.closed": True,
    "arrival.writer": True,
    "arrival.claimed": True,
    "arrival.length": True,
}
# What is small and lies in two chunks: recorders that began together come to the end of one together.
MOST_BYTES_IN_TURN = 32 * 1024
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
        self._keeping: set[asyncio.Task[Any]] = set()
        self._group = GroupCommit(collection=self._pieces, records=self._parts, shown=STANDING, is_useless=_is_useless)

    @confirmed()
    async def append(self, arriving: Arriving, at: int, data: bytes, writer: int | None = None) -> Appended:
        await self._indexed()
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        documents = [_document(id, seal, offset, piece, writer) for offset, piece in cut_at_chunks(at, data)]
        if len(documents) == 1 or len(data) <= MOST_BYTES_IN_TURN:
            kept, row = await self._kept_in_turn(documents)
        else:
            kept, row = await self._kept_together(id, documents)
        if not kept:
            return Appended(0, Outcome.LOST)
        outcome = _outcome(row, at, writer)
        if any(_is_useless(row, document) for document in kept) or _is_anothers(row, writer):
            return Appended(0, outcome)
        is_cut = len(kept) < len(documents) and outcome is not Outcome.OVER
        size = sum(document["size"] for document in kept)
        return Appended(size, Outcome.LOST if is_cut else outcome, _length(row))

    async def _kept_in_turn(self, documents: list[Document]) -> tuple[list[Document], Document | None]:
        """Those that are kept, each with what comes of other recordings, and the record after the last of them."""
        kept, row = list[Document](), None
        for document in documents:
            is_kept, row = await self._group.keep(document)
            if not is_kept:
                break
            kept.append(document)
        return kept, row

    async def _kept_together(self, id: PartId, documents: list[Document]) -> tuple[list[Document], Document | None]:
        """Those that are kept, one behind the other, and the record after that; what is of no use then goes, also where
        who sent it has gone away.
        """
        keeping = asyncio.create_task(self._keep_together(id, documents))
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)
        return await asyncio.shield(keeping)

    async def _keep_together(self, id: PartId, documents: list[Document]) -> tuple[list[Document], Document | None]:
        taken = await inserted(self._pieces, documents, ordered=True)
        kept = [document for number, document in enumerate(documents) if number not in taken]
        row = (await self._group.look([id])).get(id)
        if useless := [document["_id"] for document in kept if _is_useless(row, document)]:
            await self._remove(useless)
        return kept, row

    @confirmed()
    async def write_ahead(self, arriving: Arriving, n: int, chunks: Sequence[memoryview], writer: int) -> bool:
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        made = [_chunk_of(id, seal, number, plain, writer) for number, plain in enumerate(chunks, n)]
        return not await inserted(self._chunks, made, ordered=True)

    @confirmed()
    async def count(self, arriving: Arriving, until: int, writer: int) -> Appended:
        id = arriving.part.id
        where = {"_id": id, "state": PartState.UPLOADING.value, "arrival.closed": False}
        row = await self._parts.find_one_and_update(
            {**where, "arrival.writer": writer, "arrival.folded": arriving.folded},
            {"$set": {"arrival.folded": until}},
            projection=STANDING,
            return_document=ReturnDocument.AFTER,
        )
        if row is not None:
            return Appended(until - arriving.folded, Outcome.KEPT, _length(row), folded=until)
        row = (await self._group.look([id])).get(id)
        outcome = _outcome(row, arriving.folded, writer)
        folded = 0 if row is None else row["arrival"]["folded"]
        return Appended(0, Outcome.LOST if outcome is Outcome.KEPT else outcome, _length(row), folded)

    @confirmed()
    async def clear(self, id: PartId, at: int, before: int) -> None:
        ahead = {"n": {"$gte": at // CHUNK_BYTES}, "writer": {"$lt": before}}
        await self._chunks.delete_many({"files_id": ObjectId(id), **ahead})
        if hidden := await self._behind_a_gap(id, at, before):
            await self._remove(hidden)

    @confirmed()
    async def _behind_a_gap(self, id: PartId, at: int, before: int) -> list[ObjectId]:
        where, hidden = {"recording": ObjectId(id), "offset": {"$gte": at}}, list[ObjectId]()
        async for row in self._pieces.find(where, {**SIZES, "_id": True, "writer": True}, sort=[("offset", 1)]):
            if row["offset"] == at:
                at += row["size"]
            elif row.get("writer", before) < before:
                hidden.append(row["_id"])
        return hidden

    async def _indexed(self) -> None:
        """The unique index is what two appends at one place are told apart by: nothing is kept before it is there."""
        if not self._is_indexed:
            async with confirmed():
                await self._pieces.create_indexes(INDEXES["pieces"])
            self._is_indexed = True

    @confirmed()
    async def _remove(self, ids: Sequence[ObjectId]) -> None:
        await self._pieces.delete_many({"_id": {"$in": ids}})

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
        record = (await self._group.look([id])).get(id)
        if not _needs_audio(record):  # whoever removed it may have looked before
            await self._chunks.delete_many({"files_id": ObjectId(id), "n": n})
            return False
        return True

    @confirmed()
    async def let_go(self, id: PartId, below: int) -> None:
        await unhurried(self._pieces).delete_many({"recording": ObjectId(id), "offset": {"$lt": below}})

    @confirmed()
    async def write_file(self, arriving: Arriving, size: int, metadata: Mapping[str, object]) -> None:
        file = file_document(arriving.part.id, size, {**metadata, **sealed_under(arriving.envelope)}, datetime.now(UTC))
        await self._files.replace_one({"_id": file["_id"]}, file, upsert=True)


def _document(id: PartId, seal: Seal | None, offset: int, plain: bytes, writer: int | None) -> Document:
    piece: Document = {"_id": ObjectId(), "recording": ObjectId(id), "offset": offset, "size": len(plain)}
    by = {} if writer is None else {"writer": writer}
    return {**piece, **by, **_sealed(seal, offset, plain)}


def _chunk_of(id: PartId, seal: Seal | None, n: int, plain: memoryview, writer: int) -> Document:
    return {"files_id": ObjectId(id), "n": n, "writer": writer, **_sealed(seal, n * CHUNK_BYTES, plain)}


def _sealed(seal: Seal | None, offset: int, plain: bytes | memoryview) -> Document:
    """Under a random nonce: what is kept at one place may be other bytes than what was kept there before."""
    if seal is None:
        return {"data": bytes(plain)}
    data, tag, nonce = seal.seal_at(piece_at(offset), plain)
    return {"data": data, "tag": tag, "nonce": nonce}


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
    if writer in (None, row["arrival"]["writer"]):
        return Outcome.LOST if _is_anothers(row, writer) else Outcome.KEPT
    return Outcome.TAKEN_OVER


def _is_anothers(row: Document | None, writer: int | None) -> bool:
    return row is not None and bool(row["arrival"].get("claimed")) and row["arrival"]["writer"] != writer


def _length(row: Document | None) -> int | None:
    return row["arrival"].get("length") if row is not None else None


def _is_useless(row: Document | None, document: Document) -> bool:
    """Whether it came when the recording had ended, or chunks had what was at its place.

    What came when it was another's stays: somebody may have seen it, and gone on behind it.
    """
    return row is None or not _is_uploading(row) or bool(document["offset"] < row["arrival"]["folded"])


def _needs_audio(row: Document | None) -> bool:
    return row is not None and (row["state"] in LIVE_STATES or bool(row.get("keep_audio")))


def _is_uploading(row: Document | None) -> bool:
    return row is not None and row["state"] == PartState.UPLOADING.value and "arrival" in row
