"""What was answered under idempotency keys, in MongoDB; a document is forgotten after a day."""

import hashlib
import secrets

from bson import Binary
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.access.ports import Hold, Kept, Keyed
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import create
from services.adapters.mongo.server_time import NOW, literal, past
from services.adapters.mongo.tolerant import value_of
from services.errors import IdempotencyInFlight, IdempotencyMismatch, StoreUnavailable

MOST_TRIES = 3
IN_FLIGHT_SECONDS = 1.0


class MongoIdempotencyKeys:
    """The port IdempotencyKeys on the collection `replays`; who is silent for `lease_seconds` has lost the hold."""

    def __init__(self, database: AsyncDatabase[Document], *, lease_seconds: float) -> None:
        self._replays = database["replays"]
        self._lease = lease_seconds

    @confirmed()
    async def hold(self, request: Keyed, made_id: str) -> Hold | Kept:
        id, holder = _id_of(request), secrets.token_hex(8)
        for _ in range(MOST_TRIES):
            if await self._insert(id, holder, request, made_id):
                return Hold(id=id, holder=holder, made_id=made_id, resumed=False)
            if row := await self._take_over(id, holder, request):
                return Hold(id=id, holder=holder, made_id=row["made_id"], resumed=True)
            if row := await self._replays.find_one({"_id": id}):
                return _kept(row, request)
        raise StoreUnavailable

    async def _insert(self, id: str, holder: str, request: Keyed, made_id: str) -> bool:
        document = {
            "user_id": request.user_id,
            "path": request.path,
            "fingerprint": request.fingerprint,
            "holder": holder,
            "made_id": made_id,
            "session_id": made_id if request.makes_session else request.session_id,
            "answer": None,
        }
        try:
            await create(self._replays, id, document, {"held_at": NOW})
        except DuplicateKeyError:
            return False
        return True

    async def _take_over(self, id: str, holder: str, request: Keyed) -> Document | None:
        same = {"path": request.path, "answer": None, "$expr": past("held_at", self._lease)}
        if request.fingerprint is not None:
            same["fingerprint"] = {"$in": [None, request.fingerprint]}
        return await self._replays.find_one_and_update(
            {"_id": id, **same},
            [{"$set": {"holder": literal(holder), "held_at": NOW}}],
            return_document=ReturnDocument.AFTER,
        )

    @confirmed()
    async def beat(self, hold: Hold) -> bool:
        return await self._write(hold, {"held_at": NOW})

    @confirmed()
    async def rename(self, hold: Hold, made_id: str) -> bool:
        return await self._write(hold, {"made_id": literal(made_id)})

    @confirmed()
    async def keep(self, hold: Hold, answer: Kept) -> bool:
        kept = {
            "status": answer.status,
            "body": Binary(answer.body),
            "headers": dict(answer.headers),
            "made": answer.made,
        }
        return await self._write(hold, {"answer": literal(kept), "fingerprint": literal(answer.fingerprint)})

    @confirmed()
    async def release(self, hold: Hold) -> None:
        await self._write(hold, {"held_at": None})

    async def _write(self, hold: Hold, what: Document) -> bool:
        held = {"_id": hold.id, "holder": hold.holder, "answer": None}
        written = await self._replays.update_one(held, [{"$set": what}])
        return written.matched_count == 1


def _id_of(request: Keyed) -> str:
    return hashlib.sha256(f"{request.user_id}\0{request.key}".encode()).hexdigest()


def _kept(row: Document, request: Keyed) -> Kept:
    known = row["fingerprint"] is not None and request.fingerprint is not None
    if row["path"] != request.path or (known and row["fingerprint"] != request.fingerprint):
        raise IdempotencyMismatch
    if row["answer"] is None:
        raise IdempotencyInFlight(retry_after=IN_FLIGHT_SECONDS)
    answer = row["answer"]
    return value_of(Kept, answer, body=bytes(answer["body"]), fingerprint=row["fingerprint"])
