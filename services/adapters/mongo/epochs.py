"""What MongoDB notes of the keyring: which one it is, and what became of each epoch; never a key."""

import secrets
from typing import Any, cast

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ARRIVALS, SEALED_UNDER
from services.adapters.mongo.parts import parts_of
from services.adapters.mongo.server_time import NOW, literal
from services.adapters.mongo.tolerant import value_of
from services.interviews.model import PartState
from services.recordings.keys import number_of
from services.recordings.ports.keyring import THERE, Epoch, EpochId, EpochState, Identity

KEYRING = "keyring"
# An upload is noted as arriving a moment before or after its key was chosen.
APART_SECONDS = 120.0


class MongoEpochs:
    """The port EpochJournal on the collections `epochs` and `keyring`, which has one document."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._epochs = database["epochs"]
        self._keyring = database["keyring"]
        self._files = database["fs.files"]
        self._parts = parts_of(database)

    @confirmed()
    async def identity(self) -> Identity | None:
        return _identity(await self._keyring.find_one({"_id": KEYRING}))

    @confirmed()
    async def claim(self, identity: Identity) -> Identity:
        own = {"keyring": identity.keyring, "database": identity.database}
        row = await self._keyring.find_one_and_update(
            {"_id": KEYRING}, {"$setOnInsert": own}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return cast(Identity, _identity(row))

    @confirmed()
    async def replace(self, keyring: str) -> Identity:
        row = await self._keyring.find_one_and_update(
            {"_id": KEYRING},
            [{"$set": {"keyring": keyring, "database": {"$ifNull": ["$database", secrets.token_hex(16)]}}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return cast(Identity, _identity(row))

    @confirmed()
    async def epochs(self, *states: EpochState) -> list[Epoch]:
        wanted = {"state": {"$in": [state.value for state in states or EpochState]}}
        ages = {name: _since(moment) for name, moment in MOMENTS.items()}
        rows = await self._epochs.aggregate([{"$match": wanted}, {"$sort": {"_id": 1}}, {"$set": ages}])
        return [_epoch(row) async for row in rows]

    @confirmed()
    async def newest_number(self) -> int:
        row = await self._epochs.find_one({}, {"_id": True}, sort=[("_id", -1)])
        return 0 if row is None else number_of(EpochId(row["_id"]))

    @confirmed()
    async def open(self, id: EpochId) -> None:
        new = {"state": EpochState.OPEN.value, "opened_at": NOW}
        kept = {field: {"$ifNull": [f"${field}", value]} for field, value in new.items()}
        await self._epochs.update_one({"_id": id}, [{"$set": kept}], upsert=True)

    @confirmed()
    async def close(self, id: EpochId) -> None:
        await self._move(id, EpochState.CLOSED, EpochState.OPEN, closed_at=NOW)

    @confirmed()
    async def unused(self, id: EpochId) -> None:
        since = {"unused_since": {"$ifNull": ["$unused_since", NOW]}}
        await self._epochs.update_one({"_id": id}, [{"$set": since}])

    @confirmed()
    async def used(self, id: EpochId) -> None:
        await self._epochs.update_one({"_id": id}, {"$unset": {"unused_since": True}})

    @confirmed()
    async def doom(self, id: EpochId, reason: str) -> None:
        await self._move(id, EpochState.DOOMED, *THERE, reason=literal(reason), closed_at=_first("closed_at"))

    @confirmed()
    async def spare(self, id: EpochId) -> None:
        await self._move(id, EpochState.CLOSED, EpochState.DOOMED, reason=None, unused_since=None)

    @confirmed()
    async def destroyed(self, id: EpochId) -> None:
        await self._move(id, EpochState.DESTROYED, EpochState.DOOMED, gone_at=NOW)

    @confirmed()
    async def lost(self, id: EpochId) -> None:
        await self._move(id, EpochState.LOST, EpochState.OPEN, EpochState.CLOSED, gone_at=NOW)

    @confirmed()
    async def returned(self, id: EpochId) -> None:
        back = _one_more("returns")
        await self._move(id, EpochState.CLOSED, EpochState.LOST, gone_at=None, closed_at=NOW, returns=back)
        await self._move(id, EpochState.DESTROYED, EpochState.DESTROYED, gone_at=NOW, returns=back)

    @confirmed()
    async def recordings(self, id: EpochId) -> int:
        arriving = await self._parts.count_documents({**ARRIVALS, "arrival.sealed.epoch": id})
        return arriving + await self._files.count_documents({SEALED_UNDER: id})

    @confirmed()
    async def sealed_under(self) -> set[EpochId]:
        named = await self._files.distinct(SEALED_UNDER, {SEALED_UNDER: {"$exists": True}})
        return {*named, *await self._parts.distinct("arrival.sealed.epoch", ARRIVALS)} - {None}

    @confirmed()
    async def is_arriving(self, id: EpochId) -> bool:
        epoch = await self._epochs.find_one({"_id": id}, {"closed_at": True})
        if epoch is None or epoch.get("closed_at") is None:
            return True
        before = {"$lte": ["$created_at", {"$add": [literal(epoch["closed_at"]), round(APART_SECONDS * 1000)]}]}
        arriving = {"state": PartState.UPLOADING.value, "$expr": before}
        return await self._parts.count_documents(arriving, limit=1) > 0

    @confirmed()
    async def _move(self, id: EpochId, to: EpochState, *states: EpochState, **what: Any) -> None:
        where = {"_id": id, "state": {"$in": [state.value for state in states]}}
        await self._epochs.update_one(where, [{"$set": {"state": to.value, **what}}])


MOMENTS = {
    "open_seconds": "$opened_at",
    "closed_seconds": "$closed_at",
    "unused_seconds": "$unused_since",
    "gone_seconds": "$gone_at",
}


def _first(field: str) -> Document:
    return {"$ifNull": [f"${field}", NOW]}


def _one_more(field: str) -> Document:
    return {"$add": [{"$ifNull": [f"${field}", 0]}, 1]}


def _since(moment: str) -> Document:
    return {"$divide": [{"$subtract": [NOW, moment]}, 1000]}


def _identity(row: Document | None) -> Identity | None:
    return None if row is None else Identity(row["keyring"], row["database"])


def _epoch(row: Document) -> Epoch:
    return value_of(Epoch, row, id=EpochId(row["_id"]), state=EpochState(row["state"]))
