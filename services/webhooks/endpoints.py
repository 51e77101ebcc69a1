"""Webhooks: whom to tell, and the record of what is to be told.

What happened is recorded before anything is sent; from then on it will be sent,
whatever dies, until it arrives or a day has passed.
"""

import base64
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.errors import RateLimited, TooManyWebhooks
from services.events.model import Conclusion, EventType
from services.interviews.model import UserId, Viewer
from services.recordings.ports.workers import Doorbell
from services.webhooks import notices
from services.webhooks.ports import Delivery, DeliveryId, DeliveryState, Endpoints, Ledger, Webhook, WebhookId

SECRET_BYTES = 32
BOTH_SECRETS_SECONDS = 24 * 3600.0
MOST_LOOKED_UP = 4
LOOK_UP_AGAIN_SECONDS = 5.0


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    endpoints: Endpoints
    ledger: Ledger
    doorbell: Doorbell
    check: Callable[[str], Awaitable[None]]
    most: int
    in_question: Counter[UserId] = field(default_factory=Counter)

    async def create(
        self, id: WebhookId, user_id: UserId, url: str, events: tuple[EventType, ...], description: str | None = None
    ) -> Webhook:
        """A new webhook with its secret, or the one of this id; WebhookUrlRefused, TooManyWebhooks, RateLimited."""
        async with self._looking_up(user_id):
            await self.check(url)
        secret = new_secret()
        made = await self.endpoints.create(
            Webhook(id=id, user_id=user_id, url=url, events=events, secrets=(secret,), description=description)
        )
        # Counted afterwards, so that of several that are made at once none slips through; what was there stays.
        if secret in made.secrets and len(await self.endpoints.of_user(user_id)) > self.most:
            await self.endpoints.delete(made.id, Viewer(user_id))
            raise TooManyWebhooks
        return made

    @asynccontextmanager
    async def _looking_up(self, user_id: UserId) -> AsyncIterator[None]:
        """Few names of one user at once: each may hang for a while."""
        if self.in_question[user_id] >= MOST_LOOKED_UP:
            raise RateLimited(retry_after=LOOK_UP_AGAIN_SECONDS)
        self.in_question[user_id] += 1
        try:
            yield
        finally:
            self.in_question[user_id] -= 1
            if not self.in_question[user_id]:
                del self.in_question[user_id]

    async def rotate(self, id: WebhookId, viewer: Viewer) -> Webhook:
        """The webhook with a new secret; the one before signs too for a day."""
        return await self.endpoints.rotate(id, viewer, new_secret(), BOTH_SECRETS_SECONDS)

    async def delete(self, id: WebhookId, viewer: Viewer) -> None:
        """Forget the webhook, and what was or is to be sent to it."""
        await self.endpoints.delete(id, viewer)
        await self.ledger.forget(id)

    async def tell(self, conclusion: Conclusion) -> None:
        """Record it for each webhook that wants to know; repeating it records nothing more."""
        notice = notices.notice_of(conclusion)
        ids = await self.endpoints.listening(notice.user_id, notice.type, notice.at)
        for id in ids:
            await self.ledger.record(id, notice)
        if ids:
            await self.doorbell.deliver()

    async def test(self, id: WebhookId, viewer: Viewer, event_id: str) -> Delivery:
        """Have a test event sent, once, also if the webhook is not active."""
        webhook = await self.endpoints.get(id, viewer)
        delivery = await self.ledger.record(id, notices.of_test(webhook.user_id, id, event_id), forced=True)
        await self.doorbell.deliver()
        return delivery

    async def replay(self, id: WebhookId, delivery_id: DeliveryId, viewer: Viewer) -> Delivery:
        """Have a delivery sent again, under the same event's id; DeliveryNotFound."""
        await self.endpoints.get(id, viewer)
        delivery = await self.ledger.replay(id, delivery_id)
        await self.doorbell.deliver()
        return delivery

    async def deliveries(
        self,
        id: WebhookId,
        viewer: Viewer,
        *,
        state: DeliveryState | None = None,
        before: DeliveryId | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """The newest first."""
        await self.endpoints.get(id, viewer)
        return await self.ledger.page(id, state, before, limit)
