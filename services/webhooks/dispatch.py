"""Sending what is due to webhooks: many at once, few to each, and one to those that fail, or where many are sent to.

1. claim the delivery that is due for longest;
2. send it;
3. note the reply, and when to send it again.

A process that dies between 1 and 3 loses the claim after a while, and another
sends it again, under the same id: at least once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from services.background import Background, Kind
from services.errors import StoreUnavailable
from services.recordings.ports.counters import Counters
from services.webhooks.ports import Courier, Delivery, Endpoints, Ledger, Webhook, WebhookId, WebhookState
from services.webhooks.redelivery import Arrived, Dead, Later, Reply, Step, after_reply

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60.0
GIVE_UP_SECONDS = 3 * 86400.0
PAUSED_SECONDS = 3600.0
OUTCOMES: dict[type[Step], str] = {Arrived: "delivered", Later: "failed", Dead: "dead"}
MOST = 32
MOST_EACH = 4
MANY = MOST // 2


@dataclass(slots=True, kw_only=True)
class Dispatch:
    """One process's part in it; `wake` and `close` belong to the loop that sends."""

    endpoints: Endpoints
    ledger: Ledger
    courier: Courier
    counters: Counters
    roll: Callable[[], float] = random.random
    background: Background = field(default_factory=Background)
    _flying: dict[asyncio.Task[None], WebhookId] = field(default_factory=dict, init=False)
    _failing: set[WebhookId] = field(default_factory=set, init=False)
    _rung: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _running: asyncio.Task[None] | None = field(default=None, init=False)

    def wake(self) -> None:
        """Send what is due, in the background."""
        self._rung.set()
        if self._running is None or self._running.done():
            self._running = self.background.start(Kind.WEBHOOKS, self._run)

    async def rest(self) -> None:
        """Return once nothing is due any more."""
        if self._running is not None:
            await self._running

    async def close(self) -> None:
        """Give back what is being sent."""
        tasks = [*self._flying, *([self._running] if self._running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while self._flying or self._rung.is_set():
            await self._rung.wait()
            self._rung.clear()
            try:
                await self._fill()
            except StoreUnavailable:
                log.warning("webhooks wait for the database")
            except BaseException:
                self._rung.set()  # what is due is due all the same
                raise

    async def _fill(self) -> None:
        while len(self._flying) < MOST:
            delivery = await self.ledger.claim(self._busy(), LEASE_SECONDS)
            if delivery is None:
                return
            task = asyncio.create_task(self._fly(delivery))
            self._flying[task] = delivery.webhook_id
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._flying[task]
        self._rung.set()

    def _busy(self) -> list[WebhookId]:
        flying, are_many = Counter(self._flying.values()), len(self._flying) >= MANY
        return [id for id, number in flying.items() if are_many or id in self._failing or number >= MOST_EACH]

    async def _fly(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):
                await asyncio.shield(self.ledger.note(delivery.id, delivery.fence, Later(0.0)))
            raise
        except StoreUnavailable:
            log.warning("webhook's reply not noted", delivery=delivery.id)
        except Exception:
            log.exception("webhook not sent", delivery=delivery.id)

    async def _deliver(self, delivery: Delivery) -> None:
        webhook = await self.endpoints.find(delivery.webhook_id)
        if webhook is None:
            await self.ledger.forget(delivery.webhook_id)
        elif webhook.state is WebhookState.ACTIVE or delivery.forced:
            await self._send(webhook, delivery)
        else:
            await self.ledger.note(delivery.id, delivery.fence, _put_off(delivery))

    async def _send(self, webhook: Webhook, delivery: Delivery) -> None:
        reply = await self.courier.send(webhook, delivery)
        step = after_reply(reply, delivery.tries + 1, self.roll(), once=delivery.is_test)
        if isinstance(step, Arrived):
            await self._worked(webhook)
        else:
            await self._failed(webhook, reply)
        noted = await self.ledger.note(delivery.id, delivery.fence, step, reply)
        await self.counters.sent(OUTCOMES[type(step)])
        log.info(
            "webhook sent",
            webhook=webhook.id,
            delivery=delivery.id,
            status=reply.status,
            error=reply.error,
            next=type(step).__name__,
            noted=noted,
        )

    async def _worked(self, webhook: Webhook) -> None:
        self._failing.discard(webhook.id)
        if webhook.failing_since is not None or webhook.state is not WebhookState.ACTIVE:
            await self.endpoints.worked(webhook.id)
        if webhook.state is not WebhookState.ACTIVE:
            await self.ledger.hurry(webhook.id)

    async def _failed(self, webhook: Webhook, reply: Reply) -> None:
        self._failing.add(webhook.id)
        await self.endpoints.failed(webhook.id, is_gone=reply.is_gone, patience=GIVE_UP_SECONDS)


def _put_off(delivery: Delivery) -> Step:
    """A webhook that is not active gets nothing; what waited for it for days is given up."""
    now = delivery.claimed_at or delivery.created_at
    waited = (now - delivery.created_at).total_seconds()
    return Dead() if waited > GIVE_UP_SECONDS else Later(PAUSED_SECONDS)
