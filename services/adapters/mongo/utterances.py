"""What was said in the stretches of recordings that are in work, in MongoDB."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document, flaws_of, transcript_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.long_lists import each
from services.adapters.mongo.parts import parts_of
from services.interviews.model import ENDED, LIVE, Part, PartId
from services.interviews.transcript import Span, Utterance

NEEDED: Document = {"$or": [{"state": {"$in": [state.value for state in LIVE]}}, {"keep_audio": True}]}

# Of hours it takes a second.
MANY = 50


class MongoUtterances:
    """The port Utterances on the collection `utterances`; which of a recording's are settled, its record says."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._utterances = database["utterances"]
        self._parts = parts_of(database)

    @confirmed()
    async def keep(self, part: Part, utterance: Utterance) -> bool:
        """Before the record says that it is settled; False where a later claim has kept its own."""
        id = f"{part.id}.{utterance.number}"
        try:
            await self._utterances.replace_one(
                {"_id": id, "fence": {"$lte": part.fence}}, _document(id, part, utterance), upsert=True
            )
        except DuplicateKeyError:
            return False
        return True

    @confirmed()
    async def take_back(self, part: Part, utterance: Utterance) -> None:
        """What was kept for a record that has ended meanwhile; nobody else would before the next audit."""
        if await self._parts.find_one({"_id": part.id, **NEEDED}, {"_id": True}) is None:
            await self._utterances.delete_one({"_id": f"{part.id}.{utterance.number}", "fence": part.fence})

    @confirmed()
    async def settled(self, id: PartId) -> list[Utterance]:
        part = await self._parts.find_one({"_id": id}, {"checkpoint.stretches": True})
        count = ((part or {}).get("checkpoint") or {}).get("stretches", 0)
        rows = await self._utterances.find({"part": id, "number": {"$lt": count}}, sort=[("number", 1)]).to_list()
        return await each(rows, _utterance_of, many=MANY)

    @confirmed()
    async def get(self, id: PartId, number: int) -> Utterance | None:
        row = await self._utterances.find_one({"_id": f"{id}.{number}"})
        return None if row is None else _utterance_of(row)

    @confirmed()
    async def forget(self, id: PartId) -> None:
        await self._utterances.delete_many({"part": id})
        over = {"_id": id, "state": {"$in": [state.value for state in ENDED]}, "checkpoint": {"$ne": None}}
        await self._parts.update_one(over, {"$set": {"checkpoint": None}})

    @confirmed()
    async def strays(self) -> list[PartId]:
        ids = await self._utterances.distinct("part")
        rows = await self._parts.find({"_id": {"$in": ids}, **NEEDED}, {"_id": True}).to_list() if ids else []
        return sorted(set(ids) - {row["_id"] for row in rows})


def _document(id: str, part: Part, utterance: Utterance) -> Document:
    return {
        "_id": id,
        "part": part.id,
        "session_id": part.session_id,
        "number": utterance.number,
        "fence": part.fence,
        "start": utterance.start,
        "transcript": asdict(utterance.transcript),
        "heard": [[span.start, span.end] for span in utterance.heard],
        "channel": utterance.channel,
        "flaws": [asdict(flaw) for flaw in utterance.flaws],
    }


def _utterance_of(row: Mapping[str, Any]) -> Utterance:
    return Utterance(
        number=row["number"],
        start=row["start"],
        transcript=transcript_of(row["transcript"]),
        heard=tuple(Span(start, end) for start, end in row["heard"]),
        channel=row.get("channel", 0),
        flaws=flaws_of(row),
    )
