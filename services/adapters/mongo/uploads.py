"""The records of recordings that are arriving, in MongoDB."""

from collections.abc import Collection
from dataclasses import replace
from typing import cast

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import PENDING_STATES, change, change_each, create, ended, may, parts_of, unhurried
from services.adapters.mongo.server_time import NOW, literal, raised
from services.errors import StoreUnavailable
from services.interviews.model import Part, PartId, PartState, QuestionId, SessionId, UserId

MOST_TRIES = 5
OF_NOBODY = Part(id=PartId(""), session_id=SessionId(""), question_id=QuestionId(""), user_id=UserId(""), take=0)
ID_TAKEN = {"_id": 1}
WHEN_QUEUED = ("created_at", "heartbeat_at", "queued_at", "not_before", "rung_at", "accepted_at")


class MongoUploads:
    """The port Uploads on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)
        self._arriving = unhurried(self._parts)

    @confirmed()
    async def begin(self, part: Part) -> None:
        # No majority is waited for: should a failover roll this back, `accept` finds nothing and the upload is refused.
        try:
            await create(self._arriving, part.id, part_document(part), {"heartbeat_at": NOW})
        except DuplicateKeyError:
            raise StoreUnavailable from None

    @confirmed()
    async def queue(self, part: Part) -> Part | None:
        queued = replace(part, state=PartState.QUEUED)
        document = {"_id": part.id, **part_document(queued), **dict.fromkeys(WHEN_QUEUED, part.created_at)}
        for _ in range(MOST_TRIES):
            try:
                await self._parts.insert_one(document)
            except DuplicateKeyError as trouble:
                if (trouble.details or {}).get("keyPattern") == ID_TAKEN:
                    return None
                if same := await self._same(part):
                    return same
            else:
                return queued
        raise StoreUnavailable

    @confirmed()
    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        arriving = {"_id": {"$in": list(ids)}, "state": PartState.UPLOADING.value}
        written = await self._arriving.update_many(arriving, [{"$set": {"heartbeat_at": NOW}}])
        if written.matched_count == len(ids):
            return set()
        left = await self._parts.find(arriving, {"_id": True}).to_list()
        return set(ids) - {row["_id"] for row in left}

    @confirmed()
    async def accept(
        self, id: PartId, sha256: str, size: int, seconds: float = 0.0, epoch: str | None = None
    ) -> Part | None:
        queued = {"state": PartState.QUEUED.value, "queued_at": NOW, "not_before": NOW, "rung_at": NOW}
        stored = {"sha256": literal(sha256), "bytes": size, "estimated_seconds": seconds, "epoch": literal(epoch)}
        what = {**queued, "accepted_at": NOW, **stored}
        arriving = {"_id": id, **may(PartState.QUEUED, PartState.UPLOADING)}
        for _ in range(MOST_TRIES):
            try:
                return await change(self._parts, arriving, what)
            except DuplicateKeyError:
                if same := await self._adopt(id, sha256):
                    return same
        raise StoreUnavailable

    async def _adopt(self, id: PartId, sha256: str) -> Part | None:
        row = await self._parts.find_one({"_id": id}, WITHOUT_TRANSCRIPT)
        return None if row is None else await self._same(replace(part_of(row), sha256=sha256))

    async def _same(self, part: Part) -> Part | None:
        """The part in work with the same recording, its take raised; None if that has ended meanwhile."""
        same = {"session_id": part.session_id, "question_id": part.question_id, "sha256": part.sha256}
        pending = {"state": {"$in": PENDING_STATES}}
        return await change(self._parts, {**same, **pending}, {"take": {"$max": ["$take", part.take]}})

    @confirmed()
    async def abort(self, id: PartId, part: Part | None = None) -> Part | None:
        arriving = {"_id": id, **may(PartState.ABORTED, PartState.UPLOADING)}
        blank = {name: literal(value) for name, value in part_document(part or OF_NOBODY).items()}
        what = {**ended(PartState.ABORTED), "rev": {"$add": [{"$ifNull": ["$rev", 0]}, 1]}}
        try:
            row = await self._parts.find_one_and_update(
                arriving,
                [{"$set": what}, {"$replaceWith": {"$mergeObjects": [{**blank, "created_at": NOW}, "$$ROOT"]}}],
                upsert=True,
                projection=WITHOUT_TRANSCRIPT,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # it was accepted, or has ended
            return None
        return part_of(cast(Document, row))

    @confirmed()
    async def stop(self, id: PartId) -> Part | None:
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
