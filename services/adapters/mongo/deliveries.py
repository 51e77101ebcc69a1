"""The deliveries to webhooks, in MongoDB: what is due, what was tried, and what came of it."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import create
from services.adapters.mongo.server_time import NOW, later, literal, raised, reached
from services.adapters.mongo.tolerant import value_of
from services.errors import DeliveryNotFound
from services.webhooks.notices import Notice
from services.webhooks.ports import Attempt, Delivery, DeliveryId, DeliveryState, WebhookId
from services.webhooks.redelivery import Arrived, Later, Reply, Step

MOST_ATTEMPTS = 20
NEWEST_FIRST = [("created_at", -1), ("_id", -1)]
SENDING = DeliveryState.SENDING.value


class MongoLedger:
    """The port Ledger on the collection `webhook_deliveries`.

    A claim moves `due_at` to the end of its lease: what was claimed and not noted is due again by itself.
    """

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._deliveries = database["webhook_deliveries"]

    @confirmed()
    async def record(self, webhook_id: WebhookId, notice: Notice, *, forced: bool = False) -> Delivery:
        id = delivery_id(webhook_id, notice)
        document = {
            "webhook_id": webhook_id,
            "event_id": notice.id,
            "type": notice.type,
            "data": dict(notice.data),
            "state": DeliveryState.PENDING.value,
            "open": True,
            "tries": 0,
            "fence": 0,
            "forced": forced,
            "claimed_at": None,
            "attempts": [],
        }
        times = {"due_at": NOW, "at": NOW if notice.at is None else literal(notice.at)}
        try:
            return delivery_of(await create(self._deliveries, id, document, times))
        except DuplicateKeyError:
            return _found(await self._deliveries.find_one({"_id": id}))

    @confirmed()
    async def claim(self, busy: Collection[WebhookId], lease: float) -> Delivery | None:
        where = {"open": True, "webhook_id": {"$nin": list(busy)}, "$expr": reached("due_at")}
        what = {"state": SENDING, "fence": raised("fence"), "claimed_at": NOW, "due_at": later(lease)}
        row = await self._deliveries.find_one_and_update(
            where, [{"$set": what}], sort=[("due_at", 1)], return_document=ReturnDocument.AFTER
        )
        return None if row is None else delivery_of(row)

    @confirmed()
    async def note(self, id: DeliveryId, fence: int, step: Step, reply: Reply | None = None) -> bool:
        held = {"_id": id, "fence": fence, "state": SENDING}
        written = await self._deliveries.update_one(held, [{"$set": {**_next(step), **_tried(reply)}}])
        return written.matched_count == 1

    @confirmed()
    async def replay(self, webhook_id: WebhookId, id: DeliveryId) -> Delivery:
        own = {"_id": id, "webhook_id": webhook_id}
        anew = {"state": DeliveryState.PENDING.value, "open": True, "due_at": NOW, "tries": literal(0), "forced": True}
        row = await self._deliveries.find_one_and_update(
            {**own, "state": {"$ne": SENDING}}, [{"$set": anew}], return_document=ReturnDocument.AFTER
        )
        return _found(row or await self._deliveries.find_one(own))

    @confirmed()
    async def hurry(self, webhook_id: WebhookId) -> None:
        waiting = {"webhook_id": webhook_id, "state": DeliveryState.PENDING.value}
        await self._deliveries.update_many(waiting, [{"$set": {"due_at": NOW}}])

    @confirmed()
    async def page(
        self, webhook_id: WebhookId, state: DeliveryState | None, before: DeliveryId | None, limit: int
    ) -> list[Delivery]:
        where: Document = {"webhook_id": webhook_id} | ({"state": state.value} if state else {})
        if before is not None:
            last = _found(await self._deliveries.find_one({"_id": before, "webhook_id": webhook_id})).created_at
            where["created_at"] = {"$lte": last}
            where["$or"] = [{"created_at": {"$lt": last}}, {"_id": {"$lt": before}}]
        rows = self._deliveries.find(where, sort=NEWEST_FIRST, limit=limit)
        return [delivery_of(row) async for row in rows]

    @confirmed()
    async def forget(self, webhook_id: WebhookId) -> None:
        await self._deliveries.delete_many({"webhook_id": webhook_id})


def delivery_id(webhook_id: WebhookId, notice: Notice) -> DeliveryId:
    """One for each webhook and event, so that recording twice is recording once."""
    return DeliveryId(hashlib.sha256(f"{webhook_id}\0{notice.id}".encode()).hexdigest()[:32])


def _next(step: Step) -> Document:
    if isinstance(step, Later):
        return {"state": DeliveryState.PENDING.value, "due_at": later(step.delay)}
    state = DeliveryState.DELIVERED if isinstance(step, Arrived) else DeliveryState.DEAD
    return {"state": state.value, "open": False, "forced": False}


def _tried(reply: Reply | None) -> Document:
    if reply is None:
        return {}
    told = {
        "status": reply.status,
        "error": reply.error,
        "milliseconds": reply.milliseconds,
        "excerpt": reply.excerpt,
    }
    attempt = {"$mergeObjects": [literal(told), {"at": "$claimed_at"}]}
    attempts = {"$slice": [{"$concatArrays": ["$attempts", [attempt]]}, -MOST_ATTEMPTS]}
    return {"tries": raised("tries"), "attempts": attempts}


def _found(row: Document | None) -> Delivery:
    if row is None:
        raise DeliveryNotFound
    return delivery_of(row)


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    return value_of(
        Delivery,
        row,
        id=DeliveryId(row["_id"]),
        state=DeliveryState(row["state"]),
        attempts=tuple(value_of(Attempt, attempt) for attempt in row.get("attempts", ())),
    )
