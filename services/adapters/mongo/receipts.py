"""Deletion receipts in MongoDB: one document each, numbered within the chain of a user."""

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.server_time import NOW, literal
from services.interviews.model import SessionId, UserId, Viewer
from services.recordings.ports.receipts import ChainId, Receipt

CHAIN_BYTES = 16
# No token may name such a user.
ERASURES = UserId("")


class MongoReceipts:
    """The port ReceiptLedger on the collections `receipts` and `receipt_chains`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._receipts = database["receipts"]
        self._chains = database["receipt_chains"]

    @confirmed()
    async def chain_of(self, user_id: UserId) -> ChainId:
        named = await self._chains.find_one({"_id": user_id})
        while named is None:
            new = {"chain": literal(secrets.token_urlsafe(CHAIN_BYTES)), "created_at": NOW}
            made = {name: {"$ifNull": [f"${name}", value]} for name, value in new.items()}
            try:
                named = await self._chains.find_one_and_update(
                    {"_id": user_id}, [{"$set": made}], upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:  # made by another just now
                named = await self._chains.find_one({"_id": user_id})
        return ChainId(named["chain"])

    @confirmed()
    async def chain_of_erasures(self) -> ChainId:
        return await self.chain_of(ERASURES)

    @confirmed()
    async def find(self, id: str) -> Receipt | None:
        row = await self._receipts.find_one({"_id": id})
        return None if row is None else _receipt_of(row)

    @confirmed()
    async def open_epochs(self) -> set[str]:
        return set(await self._receipts.distinct("open_epoch", {"open_epoch": {"$gt": ""}}))

    @confirmed()
    async def of_epoch(self, epoch: str, limit: int) -> list[Receipt]:
        rows = self._receipts.find({"open_epoch": epoch}, sort=[("chain", 1), ("number", 1)], limit=limit)
        return [_receipt_of(row) async for row in rows]

    @confirmed()
    async def close_epoch(self, ids: Collection[str]) -> None:
        await self._receipts.update_many({"_id": {"$in": list(ids)}}, {"$unset": {"open_epoch": ""}})

    @confirmed()
    async def newest(self, chain: ChainId) -> Receipt | None:
        row = await self._receipts.find_one({"chain": chain}, sort=[("number", -1)])
        return None if row is None else _receipt_of(row)

    @confirmed()
    async def add(self, receipt: Receipt) -> Receipt | None:
        document = {
            "_id": receipt.id,
            "chain": receipt.chain,
            "number": receipt.number,
            "session_id": list(receipt.sessions),
            "token": receipt.token,
            **({"epoch": receipt.epoch, "open_epoch": receipt.epoch} if receipt.epoch else {}),
        }
        try:
            await self._receipts.insert_one(document)
        except DuplicateKeyError:
            row = await self._receipts.find_one({"_id": receipt.id})
            return None if row is None else _receipt_of(row)
        return receipt

    @confirmed()
    async def of_session(self, session_id: SessionId, viewer: Viewer, after: int, limit: int) -> list[Receipt]:
        where: Document = {"session_id": session_id, "number": {"$gt": after}}
        if not viewer.is_admin:
            where["chain"] = await self._known_chain(viewer.user_id)
        return await self._found(where, limit)

    @confirmed()
    async def of_user(self, user_id: UserId, after: int, limit: int) -> list[Receipt]:
        return await self._found({"chain": await self._known_chain(user_id), "number": {"$gt": after}}, limit)

    async def _known_chain(self, user_id: UserId) -> str | None:
        """Asking makes none: nothing is noted of who has no receipts."""
        named = await self._chains.find_one({"_id": user_id})
        return str(named["chain"]) if named else None

    async def _found(self, where: Document, limit: int) -> list[Receipt]:
        return [_receipt_of(row) async for row in self._receipts.find(where, sort=[("number", 1)], limit=limit)]


def _receipt_of(row: Mapping[str, Any]) -> Receipt:
    return Receipt(
        chain=ChainId(row["chain"]),
        number=row["number"],
        token=row["token"],
        id=row["_id"],
        sessions=tuple(row["session_id"]),
        epoch=row.get("epoch"),
    )
