"""Slices of recordings, in MongoDB: what is known of each, and its bytes while it waits for those before it."""

import secrets
from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.group_commit import inserted
from services.adapters.mongo.indexes import WITH_BYTES
from services.adapters.mongo.long_lists import each
from services.adapters.mongo.parts import create
from services.adapters.mongo.sealing import Sealing
from services.adapters.mongo.seals import Seals
from services.adapters.mongo.tolerant import value_of
from services.errors import StoreUnavailable
from services.interviews.model import PartId
from services.recordings.ports.arrivals import Arriving, Head, KeptSlice, Slice, SliceState, cut_at_chunks
from services.recordings.sealing import Seal

# Of the most that a recording may have it takes a second.
MANY = 1000


class MongoSlices:
    """The port Slices on the collection `slices`: a document of each, and others with its bytes while it waits."""

    def __init__(self, database: AsyncDatabase[Document], sealing: Sealing | None = None) -> None:
        self._slices = database["slices"]
        self._seals = Seals(sealing or Sealing())

    @confirmed()
    async def announce(self, id: PartId, slice: Slice, size: int, sha256: str) -> KeptSlice:
        said = {name: getattr(slice, name) for name in Slice.__dataclass_fields__}
        known = {"recording": ObjectId(id), **said, "size": size, "sha256": sha256}
        try:
            row = await create(self._slices, _name(id, slice.index), {**known, "state": SliceState.ANNOUNCED.value}, {})
        except DuplicateKeyError:
            found = await self._slices.find_one({"_id": _name(id, slice.index)})
            if found is None:
                raise StoreUnavailable from None
            row = found
        return _slice(row)

    @confirmed()
    async def keep(self, arriving: Arriving, index: int, data: bytes) -> None:
        id, mark = arriving.part.id, secrets.token_hex(8)
        seal = await self._seals.of(id, arriving.envelope)
        blocks = [_block(id, seal, index, mark, n, plain) for n, (_, plain) in enumerate(cut_at_chunks(0, data))]
        if blocks and await inserted(self._slices, blocks, ordered=False):
            raise StoreUnavailable
        waiting = {"state": SliceState.WAITING.value, "mark": mark, "blocks": len(blocks)}
        announced = {"_id": _name(id, index), "state": SliceState.ANNOUNCED.value}
        if not (await self._slices.update_one(announced, {"$set": waiting})).matched_count:
            # The same slice came twice, and the other one was first.
            await self._slices.delete_many({"_id": {"$in": [block["_id"] for block in blocks]}})

    @confirmed()
    async def of(self, id: PartId) -> list[KeptSlice]:
        where = {"recording": ObjectId(id), "block": None}
        rows = await self._slices.find(where, sort=[("index", 1)]).to_list()
        return await each(rows, _slice, many=MANY)

    @confirmed()
    async def one(self, id: PartId, index: int) -> KeptSlice | None:
        row = await self._slices.find_one({"_id": _name(id, index)})
        return None if row is None else _slice(row)

    @confirmed()
    async def head(self, id: PartId) -> Head:
        where = {"recording": ObjectId(id), "block": None, "state": SliceState.RECEIVED.value}
        last = await self._slices.find_one(where, {"index": True, "until": True}, sort=[("index", -1)])
        if last is None:
            return Head()
        if "until" not in last:  # an earlier version received it
            return Head(last["index"] + 1, sum([row["size"] async for row in self._slices.find(where, {"size": True})]))
        return Head(last["index"] + 1, last["until"])

    @confirmed()
    async def bytes_behind(self, id: PartId, head: Head) -> int:
        where = {"recording": ObjectId(id), "block": None, "index": {"$gte": head.count}}
        total = {"$group": {"_id": None, "bytes": {"$sum": "$size"}}}
        rows = await (await self._slices.aggregate([{"$match": where}, total])).to_list()
        return int(rows[0]["bytes"]) if rows else 0

    @confirmed()
    async def data(self, arriving: Arriving, index: int) -> bytes | None:
        id, seal = arriving.part.id, await self._seals.of(arriving.part.id, arriving.envelope)
        row = await self._slices.find_one({"_id": _name(id, index), "state": SliceState.WAITING.value})
        if row is None:
            return None
        own = {"recording": ObjectId(id), "index": index, "mark": row["mark"], **WITH_BYTES}
        blocks = await self._slices.find(own, sort=[("block", 1)]).to_list()
        if len(blocks) != row["blocks"]:
            return None
        return b"".join(_plain(seal, block) for block in blocks)

    @confirmed()
    async def received(self, id: PartId, index: int, end: int) -> None:
        done = {"$set": {"state": SliceState.RECEIVED.value, "until": end}, "$unset": {"mark": True, "blocks": True}}
        await self._slices.update_one({"_id": _name(id, index)}, done)
        await self._slices.delete_many({"recording": ObjectId(id), "index": index, **WITH_BYTES})


def _name(id: PartId, index: int) -> str:
    return f"{id}/{index}"


def _block(id: PartId, seal: Seal | None, index: int, mark: str, n: int, plain: bytes) -> Document:
    name = f"{_name(id, index)}/{mark}/{n}"
    block: Document = {"_id": name, "recording": ObjectId(id), "index": index, "mark": mark, "block": n}
    if seal is None:
        return {**block, "data": plain}
    data, tag, nonce = seal.seal_at(_place(index, n), plain)
    return {**block, "data": data, "tag": tag, "nonce": nonce}


def _plain(seal: Seal | None, row: Document) -> bytes:
    data = bytes(row["data"])
    if seal is None:
        return data
    return seal.open_at(_place(row["index"], row["block"]), data, bytes(row["nonce"]), bytes(row["tag"]))


def _place(index: int, n: int) -> str:
    return f"slice {index} {n}"


def _slice(row: Mapping[str, Any]) -> KeptSlice:
    return value_of(KeptSlice, row, state=SliceState(row["state"]), at=row["created_at"])
