"""The last writes to an ended record, in MongoDB."""

from datetime import timedelta

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.counters import TOLD, MongoCounters
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import parts_of, unhurried
from services.adapters.mongo.server_time import NOW, later, reached
from services.analysis.ports import ScoringClaim
from services.interviews.model import ENDED, PartId, PartState
from services.recordings.ports.audio import Deletion

# The key of a recording that arrived in pieces goes with it.
OF_NO_USE = ["arrival.sealed", "arrival.sha256"]


class MongoClosings:
    """The port Closings on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)
        self._repeatable = unhurried(self._parts)
        self._counters = MongoCounters(database)
        self._calls = database["calls"]

    @confirmed()
    async def settle(
        self, id: PartId, rev: int, deletion: Deletion | None, *, has_receipt: bool = False, is_scored: bool = False
    ) -> bool:
        where = {"_id": id, "rev": rev, "state": {"$in": [state.value for state in ENDED]}}
        over = {"to_score": False} if is_scored else {}
        what = {"settled": True, "counted": True, **over, **(_noted(deletion) if deletion else {})}
        steps: list[Document] = [{"$set": what}, {"$unset": OF_NO_USE}]
        before = await self._repeatable.find_one_and_update(where, steps, projection=TOLD)
        if before is not None:
            await self._counters.ended(before, has_receipt=has_receipt and "audio" not in before)
            await self._talked(before)
        return before is not None

    async def _talked(self, part: Document) -> None:
        """Of a side of a call it is counted how long its transcript took from its last packet on."""
        if not part.get("call_id") or part.get("counted") or part["state"] != PartState.COMPLETED.value:
            return
        call = await self._calls.find_one({"_id": part["call_id"]}, {"begun_at": True, "lines": True})
        if call is None or call.get("begun_at") is None:
            return
        last = call["lines"].get(part["side"], {}).get("tally", {}).get("last_arrived")
        if last is not None:
            spoken = call["begun_at"] + timedelta(seconds=float(last))
            await self._counters.talked(max(0.0, (part["completed_at"] - spoken).total_seconds()))

    @confirmed()
    async def claim_scoring(self, id: PartId, seconds: float) -> ScoringClaim | None:
        row = await self._parts.find_one_and_update(
            {"_id": id, "to_score": True, "$expr": reached("scoring_until")},
            [{"$set": claimed_for_scoring(seconds)}],
            projection={"scorings": True, "score_failures": True, "score_waited": True},
            return_document=ReturnDocument.AFTER,
        )
        return (
            None if row is None else ScoringClaim(row["scorings"], row["score_failures"], row.get("score_waited", 0.0))
        )

    @confirmed()
    async def scored(self, id: PartId) -> None:
        await self._repeatable.update_one({"_id": id}, {"$set": {"to_score": False}})

    @confirmed()
    async def score_again(self, id: PartId, claim: ScoringClaim, delay: float, *, failed: bool = True) -> None:
        what = (
            {"score_failures": _sum("score_failures", 1)} if failed else {"score_waited": _sum("score_waited", delay)}
        )
        await self._parts.update_one(
            {"_id": id, "to_score": True, "scorings": claim.number}, [{"$set": {**what, **_held(delay)}}]
        )

    @confirmed()
    async def rescore(self, id: PartId) -> bool:
        anew = {"to_score": True, "score_failures": 0, "score_waited": 0.0, **_held(0.0)}
        where = {"_id": id, "state": PartState.COMPLETED.value, "to_score": False}
        return (await self._parts.update_one(where, [{"$set": anew}])).matched_count == 1


def claimed_for_scoring(seconds: float) -> Document:
    """What is written when somebody begins to score, who has so long for it."""
    return {"scorings": _sum("scorings", 1), **_held(seconds)}


def _sum(field: str, more: float) -> Document:
    return {"$add": [{"$ifNull": [f"${field}", 0]}, more]}


def _held(seconds: float) -> Document:
    """Nobody scores it, and no sweep asks for it, for so long."""
    return {"scoring_until": later(seconds), "score_after": later(seconds)}


def _noted(deletion: Deletion) -> Document:
    """Two that delete at once each note what they removed, so what was removed adds up."""
    return {
        "audio.files": _sum("audio.files", deletion.files),
        "audio.chunks": _sum("audio.chunks", deletion.chunks),
        "audio.left": deletion.left,
        "audio.deleted_at": NOW,
    }
