"""What the sweep looks for, in MongoDB; each look is bounded and goes by an index."""

import asyncio
import secrets
from dataclasses import asdict

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ARRIVALS, EVER, FORGET_REPLAY_SECONDS, WITH_SUM
from services.adapters.mongo.listening import unheard
from services.adapters.mongo.parts import MOST_AT_ONCE, change_each, ended, may, parts_of, unhurried, waiting_again
from services.adapters.mongo.server_time import NOW, later, literal, past, raised, reached
from services.interviews.model import LIVE, Failure, Part, PartId, PartState
from services.operations.ports.upkeep import Findings

TURNS = "turns"
QUEUED = {"state": PartState.QUEUED.value}
DUE = {**QUEUED, "$expr": reached("not_before")}
SUMMED = {"completed_at": {"$gt": EVER}, **WITH_SUM, "keep_audio": False, "held": {"$ne": True}}
MOST_SUMS = 2_000
UNSCORED = {"to_score": True, "$expr": reached("score_after")}


class MongoUpkeep:
    """The port Upkeep on the collection `parts`; whose turn it is stands in `counters`."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        *,
        lease_seconds: float,
        max_deliveries: int,
        upload_silence_seconds: float,
        ring_again_seconds: float,
        settle_grace_seconds: float,
    ) -> None:
        silent = past("heartbeat_at", lease_seconds)
        self._parts, self._slices = parts_of(database), database["slices"]
        self._counters = unhurried(database["counters"])
        self._ring_again = ring_again_seconds
        self._unrung = {**QUEUED, "$expr": {"$and": [reached("not_before"), past("rung_at", ring_again_seconds)]}}
        self._silent = {
            **may(PartState.QUEUED, PartState.PROCESSING),
            "deliveries": {"$lt": max_deliveries},
            "$expr": silent,
        }
        used_up = {"deliveries": {"$gte": max_deliveries}}
        self._exhausted = {**may(PartState.FAILED, PartState.PROCESSING), **used_up, "$expr": silent}
        # These can never be claimed: the cap was lowered since.
        self._stuck = {**may(PartState.FAILED, PartState.QUEUED), **used_up}
        self._abandoned = {
            **may(PartState.ABORTED, PartState.UPLOADING),
            "arrival": None,
            "$expr": past("heartbeat_at", upload_silence_seconds),
        }
        self._overdue = {**ARRIVALS, "held": {"$ne": True}, "$expr": reached("arrival.expires_at")}
        closed = {"$and": [past("arrival.closed_at", settle_grace_seconds), reached("arrival.drive_after")]}
        self._unfinished = {**ARRIVALS, "arrival.closed": True, "$expr": closed}
        self._unheard = unheard(lease_seconds, max_deliveries, ring_again_seconds)
        over = {"$and": [past("completed_at", settle_grace_seconds), reached("settle_after")]}
        self._unsettled = {"settled": False, "$expr": over}

    @confirmed()
    async def take_turn(self, subject: str, seconds: float) -> bool:
        own = {"at": NOW, "by": secrets.token_hex(8)}
        # One that is still to come is of a clock that was set back since.
        is_free = {"$or": [past(f"{subject}.at", seconds), {"$gt": [f"${subject}.at", NOW]}]}
        turn = {subject: {"$cond": [is_free, own, f"${subject}"]}}
        row = await self._counters.find_one_and_update(
            {"_id": TURNS}, [{"$set": turn}], upsert=True, return_document=ReturnDocument.AFTER
        )
        return row is not None and row[subject]["by"] == own["by"]

    @confirmed()
    async def is_needed(self, hours: float) -> bool:
        looks = [self._stuck, *self._looks(hours).values()]
        return await self._parts.find_one({"$or": looks}, {"_id": True}) is not None

    @confirmed()
    async def due(self, limit: int) -> list[PartId]:
        if limit == 1:
            return await self._longest_due()
        rows = await self._parts.find(self._unrung, {"_id": True}, sort=[("rung_at", 1)], limit=limit).to_list()
        ids = [row["_id"] for row in rows]
        if ids:
            await self._parts.update_many({"_id": {"$in": ids}, **QUEUED}, [{"$set": {"rung_at": NOW}}])
        return ids

    async def _longest_due(self) -> list[PartId]:
        row = await unhurried(self._parts).find_one_and_update(
            self._unrung, [{"$set": {"rung_at": NOW}}], projection={"_id": True}, sort=[("rung_at", 1)]
        )
        return [] if row is None else [row["_id"]]

    @confirmed()
    async def count_due(self, most: int = 1000) -> int:
        return await self._parts.count_documents(DUE, limit=most)

    @confirmed()
    async def unheard(self, limit: int) -> list[PartId]:
        rows = await self._parts.find(self._unheard, {"_id": True}, limit=limit).to_list()
        ids = [PartId(row["_id"]) for row in rows]
        if ids:
            rung = [{"$set": {"arrival.listening.rung_at": NOW}}]
            await unhurried(self._parts).update_many({"_id": {"$in": ids}, **ARRIVALS}, rung)
        return ids

    @confirmed()
    async def reclaim(self) -> list[Part]:
        return await change_each(self._parts, self._silent, waiting_again(rung=NOW))

    @confirmed()
    async def bury(self, failure: Failure) -> list[Part]:
        what = {
            **ended(PartState.FAILED),
            "failure": literal(asdict(failure)),
            "keep_audio": literal(True),
            "fence": raised("fence"),
        }
        lost = await change_each(self._parts, self._exhausted, what)
        return lost + await change_each(self._parts, self._stuck, what)

    @confirmed()
    async def abandon(self) -> list[Part]:
        silent = await change_each(self._parts, self._abandoned, ended(PartState.ABORTED))
        return silent + await change_each(self._parts, self._overdue, ended(PartState.ABORTED))

    @confirmed()
    async def unfinished(self) -> list[PartId]:
        rows = await self._parts.find(self._unfinished, {"_id": True}, limit=MOST_AT_ONCE).to_list()
        ids = [PartId(row["_id"]) for row in rows]
        again = [{"$set": {"arrival.drive_after": later(self._ring_again)}}]
        if ids:
            await unhurried(self._parts).update_many({"_id": {"$in": ids}, **ARRIVALS}, again)
        return ids

    @confirmed()
    async def unsettled(self) -> list[Part]:
        rows = self._parts.find(self._unsettled, WITHOUT_TRANSCRIPT, sort=[("completed_at", 1)], limit=MOST_AT_ONCE)
        return [part_of(row) async for row in rows]

    @confirmed()
    async def put_off(self, id: PartId, seconds: float) -> None:
        waiting = {"_id": id, "settled": False}
        await unhurried(self._parts).update_one(waiting, [{"$set": {"settle_after": later(seconds)}}])

    @confirmed()
    async def unscored(self) -> list[PartId]:
        rows = await self._parts.find(UNSCORED, {"_id": True}, sort=[("score_after", 1)], limit=MOST_AT_ONCE).to_list()
        ids = [row["_id"] for row in rows]
        rung = [{"$set": {"score_after": later(self._ring_again)}}]
        if ids:
            await self._parts.update_many({"_id": {"$in": ids}, "to_score": True}, rung)
        return ids

    @confirmed()
    async def expire(self, hours: float) -> list[Part]:
        what = {"keep_audio": literal(False), "settled": literal(False)}
        return await change_each(self._parts, _expired(hours), what)

    @confirmed()
    async def forget_sums(self) -> int:
        # The oldest are looked at first, and no more of them: $expr has no bounds in an index.
        oldest: list[Document] = [{"$match": SUMMED}, {"$sort": {"completed_at": 1}}, {"$limit": MOST_SUMS}]
        over = {"$match": {"$expr": past("completed_at", FORGET_REPLAY_SECONDS)}}
        rows = await (await self._parts.aggregate([*oldest, over, {"$project": {"_id": True}}])).to_list()
        if not rows:
            return 0
        of_slices = {"recording": {"$in": [ObjectId(row["_id"]) for row in rows]}}
        await unhurried(self._slices).update_many(of_slices, {"$unset": {"sha256": True}})
        gone = {"_id": {"$in": [row["_id"] for row in rows]}, **SUMMED}
        return (await self._parts.update_many(gone, {"$set": {"sha256": None}})).modified_count

    @confirmed()
    async def survey(self, hours: float) -> Findings:
        looks = {"due": DUE, **self._looks(hours)}
        stuck, *counts = await asyncio.gather(*map(self._parts.count_documents, (self._stuck, *looks.values())))
        found = dict(zip(looks, counts, strict=True))
        return Findings(**{**found, "exhausted": found["exhausted"] + stuck})

    def _looks(self, hours: float) -> dict[str, Document]:
        """What of the records is to be mended, but for those that can never be claimed."""
        return {
            "silent": self._silent,
            "exhausted": self._exhausted,
            "abandoned": {"$or": [self._abandoned, self._overdue]},
            "unfinished": self._unfinished,
            "unheard": self._unheard,
            "unsettled": self._unsettled,
            "unscored": UNSCORED,
            "expired": _expired(hours),
        }

    @confirmed()
    async def owned(self, ids: list[PartId]) -> set[PartId]:
        needed = {"$or": [{"state": {"$in": [state.value for state in LIVE]}}, {"keep_audio": True}]}
        rows = await self._parts.find({"_id": {"$in": ids}, **needed}, {"_id": True}).to_list()
        return {row["_id"] for row in rows}


def _expired(hours: float) -> Document:
    return {
        "state": PartState.FAILED.value,
        "keep_audio": True,
        "held": {"$ne": True},
        "$expr": past("completed_at", hours * 3600),
    }
