"""The webhooks of all users, in MongoDB."""

from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import create
from services.adapters.mongo.server_time import NOW, later, literal, past
from services.adapters.mongo.tolerant import known, value_of
from services.errors import WebhookNotFound
from services.events.model import EventType
from services.interviews.model import UserId, Viewer
from services.webhooks.ports import MOST_SECRETS, Webhook, WebhookId, WebhookState

_LATEST = {"$or": [{"$eq": ["$$this.until", None]}, {"$gt": ["$$this.until", NOW]}]}
_SIGNING = {"$set": {"secrets": {"$filter": {"input": "$secrets", "cond": _LATEST}}}}
OLDEST_FIRST = [("created_at", 1), ("_id", 1)]


class MongoEndpoints:
    """The port Endpoints on the collection `webhooks`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._webhooks = database["webhooks"]

    @confirmed()
    async def create(self, webhook: Webhook) -> Webhook:
        document = {
            "user_id": webhook.user_id,
            "url": webhook.url,
            "events": [event.value for event in webhook.events],
            "secrets": [{"value": secret, "until": None} for secret in webhook.secrets],
            "description": webhook.description,
            "state": webhook.state.value,
            "failing_since": None,
        }
        try:
            return webhook_of(await create(self._webhooks, webhook.id, document, {}))
        except DuplicateKeyError:
            return await self.get(webhook.id, Viewer(webhook.user_id))

    @confirmed()
    async def get(self, id: WebhookId, viewer: Viewer) -> Webhook:
        return _found(await self._one(_visible(id, viewer)))

    @confirmed()
    async def find(self, id: WebhookId) -> Webhook | None:
        return await self._one({"_id": id})

    @confirmed()
    async def of_user(self, user_id: UserId) -> list[Webhook]:
        own: list[Document] = [{"$match": {"user_id": user_id}}, {"$sort": dict(OLDEST_FIRST)}, _SIGNING]
        return [webhook_of(row) async for row in await self._webhooks.aggregate(own)]

    @confirmed()
    async def delete(self, id: WebhookId, viewer: Viewer) -> None:
        if not (await self._webhooks.delete_one(_visible(id, viewer))).deleted_count:
            raise WebhookNotFound

    @confirmed()
    async def rotate(self, id: WebhookId, viewer: Viewer, secret: str, seconds: float) -> Webhook:
        ending = {"value": "$$this.value", "until": {"$ifNull": ["$$this.until", later(seconds)]}}
        good = {"$filter": {"input": "$secrets", "cond": _LATEST}}
        before = {"$slice": [{"$map": {"input": good, "in": ending}}, MOST_SECRETS - 1]}
        both = {"$concatArrays": [[{"value": literal(secret), "until": None}], before]}
        row = await self._webhooks.find_one_and_update(
            _visible(id, viewer), [{"$set": {"secrets": both}}], return_document=ReturnDocument.AFTER
        )
        return _found(None if row is None else webhook_of(row))

    @confirmed()
    async def listening(self, user_id: UserId, type: str, at: Any) -> list[WebhookId]:
        where: Document = {"user_id": user_id, "events": type, "state": {"$ne": WebhookState.DISABLED.value}}
        if at is not None:
            where["created_at"] = {"$lte": at}
        return [WebhookId(row["_id"]) async for row in self._webhooks.find(where, {"_id": True})]

    @confirmed()
    async def failed(self, id: WebhookId, *, is_gone: bool, patience: float) -> None:
        gone, paused = WebhookState.DISABLED.value, WebhookState.PAUSED.value
        is_over = {"$and": [{"$eq": ["$state", WebhookState.ACTIVE.value]}, past("failing_since", patience)]}
        state = gone if is_gone else {"$cond": [is_over, paused, "$state"]}
        since = {"failing_since": {"$ifNull": ["$failing_since", NOW]}}
        await self._webhooks.update_one({"_id": id}, [{"$set": since}, {"$set": {"state": state}}])

    @confirmed()
    async def worked(self, id: WebhookId) -> None:
        what = {"state": WebhookState.ACTIVE.value, "failing_since": None}
        await self._webhooks.update_one({"_id": id}, {"$set": what})

    async def _one(self, where: Document) -> Webhook | None:
        rows = await (await self._webhooks.aggregate([{"$match": where}, _SIGNING])).to_list()
        return webhook_of(rows[0]) if rows else None


def webhook_of(row: Mapping[str, Any]) -> Webhook:
    return value_of(
        Webhook,
        row,
        id=WebhookId(row["_id"]),
        events=known(EventType, row["events"]),
        secrets=tuple(secret["value"] for secret in row["secrets"]),
        state=WebhookState(row["state"]),
    )


def _visible(id: WebhookId, viewer: Viewer) -> Document:
    return {"_id": id} if viewer.is_admin else {"_id": id, "user_id": viewer.user_id}


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise WebhookNotFound
    return webhook
