"""The records of recordings that are arriving, in MongoDB."""

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.confirmed import confirmed
from services.adapters.mongo.documents import Document, part_document
from services.adapters.mongo.moments import NOW, literal, raised
from services.adapters.mongo.parts import change, change_each, create, ended, may, parts_of
from services.interview import Part, PartId, PartState, QuestionId, SessionId


class MongoUploads:
    """The port Uploads on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)

    @confirmed()
    async def begin(self, part: Part) -> None:
        await create(self._parts, part.id, part_document(part), {"heartbeat_at": NOW})

    @confirmed()
    async def touch(self, id: PartId) -> bool:
        arriving = {"_id": id, "state": PartState.UPLOADING.value}
        written = await self._parts.update_one(arriving, [{"$set": {"heartbeat_at": NOW}}])
        return written.matched_count == 1

    @confirmed()
    async def accept(self, id: PartId, sha256: str, size: int) -> Part | None:
        queued = {"state": PartState.QUEUED.value, "queued_at": NOW, "not_before": NOW, "rung_at": NOW}
        what = {**queued, "sha256": literal(sha256), "bytes": size}
        return await change(self._parts, {"_id": id, **may(PartState.QUEUED, PartState.UPLOADING)}, what)

    @confirmed()
    async def abort(self, id: PartId) -> Part | None:
        arriving = {"_id": id, **may(PartState.ABORTED, PartState.UPLOADING)}
        return await change(self._parts, arriving, ended(PartState.ABORTED))

    @confirmed()
    async def supersede(self, session_id: SessionId, question_id: QuestionId, take: int) -> list[Part]:
        older = {"session_id": session_id, "question_id": question_id, "take": {"$lt": take}}
        pending = may(PartState.SUPERSEDED, PartState.QUEUED, PartState.PROCESSING)
        what = {**ended(PartState.SUPERSEDED), "fence": raised("fence")}
        return await change_each(self._parts, {**older, **pending}, what)
