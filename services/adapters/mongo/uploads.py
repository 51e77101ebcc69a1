"""The records of recordings that are arriving, in MongoDB."""

from collections.abc import Collection

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document, part_document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import PENDING_STATES, change, change_each, create, ended, may, parts_of, unhurried
from services.adapters.mongo.server_time import NOW, literal, raised
from services.errors import StoreUnavailable
from services.interviews.model import Part, PartId, PartState, QuestionId, SessionId

MOST_TRIES = 5


class MongoUploads:
    """The port Uploads on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)
        self._arriving = unhurried(self._parts)

    @confirmed()
    async def begin(self, part: Part) -> None:
        # No majority is waited for: should a failover roll this back, `accept` finds nothing and the upload is refused.
        await create(self._arriving, part.id, part_document(part), {"heartbeat_at": NOW})

    @confirmed()
    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        arriving = {"_id": {"$in": list(ids)}, "state": PartState.UPLOADING.value}
        written = await self._arriving.update_many(arriving, [{"$set": {"heartbeat_at": NOW}}])
        if written.matched_count == len(ids):
            return set()
        left = await self._parts.find(arriving, {"_id": True}).to_list()
        return set(ids) - {row["_id"] for row in left}

    @confirmed()
    async def accept(self, id: PartId, sha256: str, size: int, seconds: float = 0.0) -> Part | None:
        queued = {"state": PartState.QUEUED.value, "queued_at": NOW, "not_before": NOW, "rung_at": NOW}
        what = {**queued, "accepted_at": NOW, "sha256": literal(sha256), "bytes": size, "estimated_seconds": seconds}
        arriving = {"_id": id, **may(PartState.QUEUED, PartState.UPLOADING)}
        for _ in range(MOST_TRIES):
            try:
                return await change(self._parts, arriving, what)
            except DuplicateKeyError:
                if same := await self._adopt(id, sha256):
                    return same
        raise StoreUnavailable

    async def _adopt(self, id: PartId, sha256: str) -> Part | None:
        """The part in work with the same recording, its take raised; None if that has ended meanwhile."""
        own = await self._parts.find_one({"_id": id}, {"session_id": True, "question_id": True, "take": True})
        if own is None:
            return None
        same = {"session_id": own["session_id"], "question_id": own["question_id"], "sha256": sha256}
        pending = {"state": {"$in": PENDING_STATES}}
        return await change(self._parts, {**same, **pending}, {"take": {"$max": ["$take", own["take"]]}})

    @confirmed()
    async def abort(self, id: PartId) -> Part | None:
        arriving = {"_id": id, **may(PartState.ABORTED, PartState.UPLOADING)}
        return await change(self._parts, arriving, ended(PartState.ABORTED))

    @confirmed()
    async def withdraw(self, id: PartId) -> Part | None:
        accepted = {"_id": id, **may(PartState.ABORTED, PartState.QUEUED)}
        return await change(self._parts, accepted, ended(PartState.ABORTED))

    @confirmed()
    async def supersede(self, session_id: SessionId, question_id: QuestionId, take: int) -> list[Part]:
        older = {"session_id": session_id, "question_id": question_id, "take": {"$lt": take}}
        pending = may(PartState.SUPERSEDED, PartState.QUEUED, PartState.PROCESSING)
        what = {**ended(PartState.SUPERSEDED), "fence": raised("fence")}
        return await change_each(self._parts, {**older, **pending}, what)
