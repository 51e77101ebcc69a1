"""The records of recordings that arrive in pieces, in MongoDB: what stands in `arrival` of a part's record."""

from collections.abc import Collection, Mapping
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ARRIVALS, WAITING
from services.adapters.mongo.parts import create, parts_of, unhurried
from services.adapters.mongo.sealing import Sealing, envelope_of, noted
from services.adapters.mongo.server_time import NOW, later, literal
from services.adapters.mongo.tolerant import value_of
from services.errors import StoreUnavailable
from services.interviews.model import Part, PartId, PartState, UserId
from services.recordings.ports.arrivals import NOWHERE, PLACED, Arriving, Listened, Load, Plan
from services.recordings.ports.audio import CHUNK_BYTES

UPLOADING: Document = {"state": PartState.UPLOADING.value}
# So much later than is said, because it is not noted of each piece when it came.
SLACK_SECONDS = 60.0


class MongoArrivals:
    """The port ArrivalRecords on the collection `parts`."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        sealing: Sealing | None = None,
        *,
        seconds: float = 24 * 3600.0,
        most_seconds: float = 96 * 3600.0,
    ) -> None:
        self._parts, self._slices = parts_of(database), database["slices"]
        self._sealing = sealing or Sealing()
        self._seconds, self._most_seconds = seconds, most_seconds

    @confirmed()
    async def begin(self, part: Part, plan: Plan) -> Arriving:
        begun = await self._sealing.begin(part.id)
        known = {
            **{name: getattr(plan, name) for name in Plan.__dataclass_fields__},
            **noted(begun),
            "folded": 0,
            "writer": 0,
            "closed": False,
        }
        times = {"last_at": NOW, "ends_at": later(self._most_seconds), "expires_at": later(self._least_seconds())}
        arrival = {"$mergeObjects": [literal(known), times]}
        try:
            row = await create(self._parts, part.id, part_document(part), {"arrival": arrival})
        except DuplicateKeyError:
            other = plan.key and await self._parts.find_one(
                {"user_id": part.user_id, "arrival.key": plan.key, **UPLOADING}, WITHOUT_TRANSCRIPT
            )
            if not other:
                raise StoreUnavailable from None
            row = other
        return _arriving(row)

    @confirmed()
    async def newest(self, user_id: UserId, key: str) -> Arriving | None:
        there = {"$or": [{"state": {"$ne": PartState.ABORTED.value}}, {"arrival.same_as": {"$ne": None}}]}
        row = await self._parts.find_one(
            {"user_id": user_id, "arrival.key": key, **there}, WITHOUT_TRANSCRIPT, sort=[("created_at", -1)]
        )
        return None if row is None else _arriving(row)

    @confirmed()
    async def find(self, id: PartId) -> Arriving | None:
        row = await self._parts.find_one({"_id": id, "arrival": {"$ne": None}}, WITHOUT_TRANSCRIPT)
        return None if row is None else _arriving(row)

    @confirmed()
    async def place(self, part: Part) -> Arriving | None:
        own = {"session_id": part.session_id, "question_id": part.question_id}
        where = {"_id": part.id, **UPLOADING, "arrival.closed": False, "$or": [{"session_id": NOWHERE}, own]}
        document = part_document(part)
        return await self._change(where, {"$set": {name: document[name] for name in PLACED}})

    @confirmed()
    async def arriving(self, user_id: UserId) -> list[Arriving]:
        found = self._parts.find({**ARRIVALS, "user_id": user_id}, WITHOUT_TRANSCRIPT)
        return [_arriving(row) for row in await found.sort("created_at", -1).to_list()]

    @confirmed()
    async def declare(self, id: PartId, length: int) -> Arriving | None:
        where = {"_id": id, **UPLOADING, "arrival.closed": False, "arrival.length": {"$in": [None, length]}}
        return await self._change(where, {"$set": {"arrival.length": length}})

    @confirmed()
    async def close(self, id: PartId) -> Arriving | None:
        closed = {"arrival.closed": True, "arrival.closed_at": {"$ifNull": ["$arrival.closed_at", NOW]}}
        return await self._change({"_id": id, **UPLOADING, "arrival": {"$ne": None}}, [{"$set": closed}])

    @confirmed()
    async def end_at(self, id: PartId, length: int) -> Arriving | None:
        ends = {"arrival.length": {"$ifNull": ["$arrival.length", length]}}
        return await self._change({"_id": id, **UPLOADING, "arrival.closed": True}, [{"$set": ends}])

    @confirmed()
    async def take_over(self, id: PartId) -> int | None:
        changed = await self._change(_open(id), {"$inc": {"arrival.writer": 1}})
        return None if changed is None else changed.writer

    @confirmed()
    async def claim(self, id: PartId) -> Arriving | None:
        return await self._change(_open(id), {"$inc": {"arrival.writer": 1}, "$set": {"arrival.claimed": True}})

    @confirmed()
    async def fold(self, id: PartId, folded: int) -> bool:
        where = {"_id": id, **UPLOADING, "arrival.folded": {"$lt": folded}}
        return (await self._parts.update_one(where, {"$set": {"arrival.folded": folded}})).matched_count == 1

    @confirmed()
    async def became(self, id: PartId, other: PartId) -> None:
        await self._parts.update_one({"_id": id, "arrival": {"$ne": None}}, {"$set": {"arrival.same_as": other}})

    @confirmed()
    async def heard(self, ids: Collection[PartId]) -> None:
        until = {"$min": ["$arrival.ends_at", later(self._least_seconds())]}
        what = {"arrival.last_at": NOW, "arrival.expires_at": until}
        await unhurried(self._parts).update_many({"_id": {"$in": list(ids)}, **ARRIVALS}, [{"$set": what}])

    @confirmed()
    async def listened(self, ids: Collection[PartId]) -> dict[PartId, Listened]:
        where = {"_id": {"$in": list(ids)}, **UPLOADING, "arrival.closed": False, "session_id": {"$ne": NOWHERE}}
        rows = self._parts.find(where, {"arrival.listening": True})
        return {row["_id"]: _listened(row["arrival"]) async for row in rows}

    @confirmed()
    async def load(self, user_id: UserId) -> Load:
        own = {**ARRIVALS, "user_id": user_id}
        row = await self._sum(own)
        return Load(row["number"], row["bytes"] + await waiting_bytes(self._parts, self._slices, own))

    @confirmed()
    async def arriving_bytes(self) -> int:
        return int((await self._sum(ARRIVALS))["bytes"]) + await waiting_bytes(self._parts, self._slices, ARRIVALS)

    @confirmed()
    async def may_be_read(self, arriving: Arriving) -> bool:
        return await self._sealing.stays(arriving.envelope)

    async def _sum(self, where: Document) -> Document:
        """Answered by an index alone, so what is not folded yet counts as one chunk of each."""
        total = {"_id": None, "number": {"$sum": 1}, "folded": {"$sum": "$arrival.folded"}}
        rows = await (await self._parts.aggregate([{"$match": where}, {"$group": total}])).to_list()
        number, folded = (rows[0]["number"], rows[0]["folded"]) if rows else (0, 0)
        return {"number": number, "bytes": folded + number * CHUNK_BYTES}

    async def _change(self, where: Document, what: Document | list[Document]) -> Arriving | None:
        row = await self._parts.find_one_and_update(
            where, what, projection=WITHOUT_TRANSCRIPT, return_document=ReturnDocument.AFTER
        )
        return None if row is None else _arriving(row)

    def _least_seconds(self) -> float:
        return min(self._most_seconds, self._seconds + SLACK_SECONDS)


async def waiting_bytes(
    parts: AsyncCollection[Document], slices: AsyncCollection[Document], where: Mapping[str, Any]
) -> int:
    """Of slices that those before them are not here for, of the arrivals where; by an index alone too."""
    ids = [ObjectId(part["_id"]) async for part in parts.find(where, {"_id": True})]
    if not ids:
        return 0
    waiting: list[Document] = [
        {"$match": {"recording": {"$in": ids}, **WAITING}},
        {"$group": {"_id": None, "bytes": {"$sum": "$size"}}},
    ]
    rows = await (await slices.aggregate(waiting)).to_list()
    return int(rows[0]["bytes"]) if rows else 0


def _open(id: PartId) -> Document:
    """It takes more."""
    return {"_id": id, **UPLOADING, "arrival.closed": False}


def _arriving(row: Mapping[str, Any]) -> Arriving:
    arrival = row["arrival"]
    return value_of(
        Arriving,
        arrival,
        part=part_of(row),
        plan=value_of(Plan, arrival),
        is_claimed=arrival.get("claimed", False),
        is_closed=arrival.get("closed", False),
        envelope=envelope_of(arrival),
        listened=_listened(arrival),
    )


def _listened(arrival: Mapping[str, Any]) -> Listened:
    return value_of(Listened, arrival.get("listening") or {})
