"""Webhooks in memory, and a courier that says what a test puts in its mouth."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from services.adapters.mongo.deliveries import MOST_ATTEMPTS, delivery_id
from services.errors import DeliveryNotFound, WebhookNotFound
from services.interviews.model import UserId, Viewer
from services.webhooks.addresses import target_of
from services.webhooks.notices import Notice
from services.webhooks.ports import (
    MOST_SECRETS,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Webhook,
    WebhookId,
    WebhookState,
)
from services.webhooks.redelivery import Arrived, Later, Reply, Step
from tests.fakes.memory import Clock, Memory

OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Key:
    value: str
    until: datetime | None = None


class FakeEndpoints:
    def __init__(self, memory: Memory) -> None:
        self._clock = memory.clock
        self.rows: dict[WebhookId, Webhook] = {}
        self._keys: dict[WebhookId, list[Key]] = {}

    async def create(self, webhook: Webhook) -> Webhook:
        if webhook.id not in self.rows:
            self.rows[webhook.id] = replace(webhook, created_at=self._clock.now)
            self._keys[webhook.id] = [Key(secret) for secret in webhook.secrets]
        return await self.get(webhook.id, Viewer(webhook.user_id))

    async def get(self, id: WebhookId, viewer: Viewer) -> Webhook:
        found = await self.find(id)
        if found is None or not (viewer.is_admin or viewer.user_id == found.user_id):
            raise WebhookNotFound
        return found

    async def find(self, id: WebhookId) -> Webhook | None:
        keys = [key.value for key in self._keys.get(id, []) if key.until is None or key.until > self._clock.now]
        return replace(self.rows[id], secrets=tuple(keys)) if id in self.rows else None

    async def of_user(self, user_id: UserId) -> list[Webhook]:
        own = [await self.get(id, Viewer(user_id)) for id, row in self.rows.items() if row.user_id == user_id]
        return sorted(own, key=lambda row: (row.created_at, row.id))

    async def delete(self, id: WebhookId, viewer: Viewer) -> None:
        await self.get(id, viewer)
        del self.rows[id]

    async def rotate(self, id: WebhookId, viewer: Viewer, secret: str, seconds: float) -> Webhook:
        await self.get(id, viewer)
        good = [key for key in self._keys[id] if key.until is None or key.until > self._clock.now]
        before = [Key(key.value, key.until or self._clock.after(seconds)) for key in good[: MOST_SECRETS - 1]]
        self._keys[id] = [Key(secret), *before]
        return await self.get(id, viewer)

    async def listening(self, user_id: UserId, type: str, at: datetime | None) -> list[WebhookId]:
        def wants(row: Webhook) -> bool:
            is_his = row.user_id == user_id and type in row.events and row.state is not WebhookState.DISABLED
            return is_his and (at is None or row.created_at is None or row.created_at <= at)

        return [id for id, row in self.rows.items() if wants(row)]

    async def failed(self, id: WebhookId, *, is_gone: bool, patience: float) -> None:
        if row := self.rows.get(id):
            since = row.failing_since or self._clock.now
            is_over = row.state is WebhookState.ACTIVE and self._clock.is_past(since, patience)
            state = WebhookState.DISABLED if is_gone else WebhookState.PAUSED if is_over else row.state
            self.rows[id] = replace(row, failing_since=since, state=state)

    async def worked(self, id: WebhookId) -> None:
        if row := self.rows.get(id):
            self.rows[id] = replace(row, state=WebhookState.ACTIVE, failing_since=None)


class FakeLedger:
    def __init__(self, memory: Memory) -> None:
        self._clock: Clock = memory.clock
        self.rows = memory.deliveries

    async def record(self, webhook_id: WebhookId, notice: Notice, *, forced: bool = False) -> Delivery:
        id, now = delivery_id(webhook_id, notice), self._clock.now
        new = Delivery(
            id=id,
            webhook_id=webhook_id,
            event_id=notice.id,
            type=notice.type,
            data=dict(notice.data),
            at=notice.at or now,
            state=DeliveryState.PENDING,
            created_at=now,
            due_at=now,
            forced=forced,
        )
        return self.rows.setdefault(id, new)

    async def claim(self, busy: Collection[WebhookId], lease: float) -> Delivery | None:
        def is_due(row: Delivery) -> bool:
            return row.state in OPEN and row.due_at <= self._clock.now and row.webhook_id not in busy

        due = sorted((row for row in self.rows.values() if is_due(row)), key=lambda row: row.due_at)
        if not due:
            return None
        claimed = {"claimed_at": self._clock.now, "due_at": self._clock.after(lease)}
        return self._write(due[0], state=DeliveryState.SENDING, fence=due[0].fence + 1, **claimed)

    async def note(self, id: DeliveryId, fence: int, step: Step, reply: Reply | None = None) -> bool:
        row = self.rows.get(id)
        if row is None or row.fence != fence or row.state is not DeliveryState.SENDING:
            return False
        if reply is not None:
            row = self._write(row, tries=row.tries + 1, attempts=(*row.attempts, _attempt(row, reply))[-MOST_ATTEMPTS:])
        if isinstance(step, Later):
            self._write(row, state=DeliveryState.PENDING, due_at=self._clock.after(step.delay))
        else:
            state = DeliveryState.DELIVERED if isinstance(step, Arrived) else DeliveryState.DEAD
            self._write(row, state=state, forced=False)
        return True

    async def replay(self, webhook_id: WebhookId, id: DeliveryId) -> Delivery:
        row = self._own(webhook_id, id)
        if row.state is DeliveryState.SENDING:
            return row
        return self._write(row, state=DeliveryState.PENDING, due_at=self._clock.now, tries=0, forced=True)

    async def hurry(self, webhook_id: WebhookId) -> None:
        for row in list(self.rows.values()):
            if row.webhook_id == webhook_id and row.state is DeliveryState.PENDING:
                self._write(row, due_at=self._clock.now)

    async def page(
        self, webhook_id: WebhookId, state: DeliveryState | None, before: DeliveryId | None, limit: int
    ) -> list[Delivery]:
        last = self._own(webhook_id, before) if before else None

        def is_wanted(row: Delivery) -> bool:
            is_older = last is None or (row.created_at, row.id) < (last.created_at, last.id)
            return row.webhook_id == webhook_id and is_older and state in (None, row.state)

        rows = [row for row in self.rows.values() if is_wanted(row)]
        return sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)[:limit]

    async def forget(self, webhook_id: WebhookId) -> None:
        for id in [id for id, row in self.rows.items() if row.webhook_id == webhook_id]:
            del self.rows[id]

    def _own(self, webhook_id: WebhookId, id: DeliveryId) -> Delivery:
        row = self.rows.get(id)
        if row is None or row.webhook_id != webhook_id:
            raise DeliveryNotFound
        return row

    def _write(self, row: Delivery, **values: object) -> Delivery:
        self.rows[row.id] = replace(row, **values)  # type: ignore[arg-type]
        return self.rows[row.id]


def _attempt(row: Delivery, reply: Reply) -> Attempt:
    return Attempt(
        at=row.claimed_at or row.created_at,
        status=reply.status,
        error=reply.error,
        milliseconds=reply.milliseconds,
        excerpt=reply.excerpt,
    )


class FakeCourier:
    """Gives the replies of each webhook in turn, then 204; `hold` keeps whatever is on its way."""

    def __init__(self) -> None:
        self.replies: dict[WebhookId, list[Reply | Exception]] = {}
        self.sent: list[tuple[WebhookId, str]] = []
        self.on_its_way: list[WebhookId] = []
        self.held: Callable[[WebhookId], bool] = lambda _: False
        self.free = asyncio.Event()

    async def check(self, url: str) -> None:
        target_of(url)

    async def send(self, webhook: Webhook, delivery: Delivery) -> Reply:
        self.on_its_way.append(webhook.id)
        try:
            if self.held(webhook.id):
                await self.free.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.on_its_way.remove(webhook.id)
        self.sent.append((webhook.id, delivery.event_id))
        replies = self.replies.get(webhook.id, [])
        reply = replies.pop(0) if replies else Reply(status=204)
        if isinstance(reply, Exception):
            raise reply
        return reply
