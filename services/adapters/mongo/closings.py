"""The last writes to an ended record, in MongoDB."""

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.confirmed import confirmed
from services.adapters.mongo.documents import Document
from services.adapters.mongo.moments import NOW, later, raised
from services.adapters.mongo.parts import parts_of, unhurried
from services.interview import ENDED, PartId
from services.ports.audio import Deletion


class MongoClosings:
    """The port Closings on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)
        self._repeatable = unhurried(self._parts)

    @confirmed()
    async def settle(self, id: PartId, rev: int, deletion: Deletion | None) -> bool:
        where = {"_id": id, "rev": rev, "state": {"$in": [state.value for state in ENDED]}}
        what = {"settled": True, **(_noted(deletion) if deletion else {})}
        written = await self._repeatable.update_one(where, [{"$set": what}])
        return written.matched_count == 1

    @confirmed()
    async def scored(self, id: PartId) -> None:
        await self._repeatable.update_one({"_id": id}, {"$set": {"to_score": False}})

    @confirmed()
    async def score_again(self, id: PartId, delay: float) -> int:
        row = await self._parts.find_one_and_update(
            {"_id": id, "to_score": True},
            [{"$set": {"score_failures": raised("score_failures"), "score_after": later(delay)}}],
            projection={"score_failures": True},
            return_document=ReturnDocument.AFTER,
        )
        return 0 if row is None else int(row["score_failures"])


def _noted(deletion: Deletion) -> Document:
    """Two that delete at once each note what they removed, so what was removed adds up."""
    return {
        "audio.files": {"$add": [{"$ifNull": ["$audio.files", 0]}, deletion.files]},
        "audio.chunks": {"$add": [{"$ifNull": ["$audio.chunks", 0]}, deletion.chunks]},
        "audio.left": deletion.left,
        "audio.deleted_at": NOW,
    }
