"""What the use cases need to tell others, over HTTP, what happened.

Times are the store's own. A method that changes a delivery names the fence of
its claim, and changes nothing if that was lost.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from services.events.model import EventType
from services.interviews.model import UserId, Viewer
from services.webhooks.notices import TEST, Notice, body_of
from services.webhooks.redelivery import Reply, Step

WebhookId = NewType("WebhookId", str)
DeliveryId = NewType("DeliveryId", str)


MOST_SECRETS = 5


class WebhookState(StrEnum):
    """Paused: it failed for days. Disabled: it answered 410."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a user wants to be told of what; `secrets` are those that sign now, the newest first."""

    id: WebhookId
    user_id: UserId
    url: str
    events: tuple[EventType, ...]
    secrets: tuple[str, ...]
    description: str | None = None
    state: WebhookState = WebhookState.ACTIVE
    created_at: datetime | None = None
    failing_since: datetime | None = None


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to deliver."""

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A notice for one webhook. `tries` counts since it was recorded or replayed, `attempts` tells the last ones.

    A forced one is sent to a webhook that is not active, too.
    """

    id: DeliveryId
    webhook_id: WebhookId
    event_id: str
    type: str
    data: Mapping[str, str | int | float | None]
    at: datetime
    state: DeliveryState
    created_at: datetime
    due_at: datetime
    tries: int = 0
    fence: int = 0
    forced: bool = False
    claimed_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def is_test(self) -> bool:
        return self.type == TEST

    @property
    def body(self) -> str:
        return body_of(self.type, self.at, self.data)


class Endpoints(Protocol):
    """The webhooks of all users."""

    async def create(self, webhook: Webhook) -> Webhook:
        """Keep a new webhook, or give the one of this id; WebhookNotFound if that is another user's."""

    async def get(self, id: WebhookId, viewer: Viewer) -> Webhook:
        """WebhookNotFound if it is absent or another user's."""

    async def of_user(self, user_id: UserId) -> list[Webhook]:
        """The oldest first."""

    async def delete(self, id: WebhookId, viewer: Viewer) -> None:
        """WebhookNotFound if it is absent or another user's."""

    async def rotate(self, id: WebhookId, viewer: Viewer, secret: str, seconds: float) -> Webhook:
        """Sign with this secret from now on, and for so many seconds with the one before, too; WebhookNotFound.

        What signed before that goes on to its own end; of more than MOST_SECRETS the oldest go.
        """

    async def listening(self, user_id: UserId, type: str, at: datetime | None) -> list[WebhookId]:
        """The user's webhooks that want this type, were there at that time, and are not disabled."""

    async def find(self, id: WebhookId) -> Webhook | None: ...

    async def failed(self, id: WebhookId, *, is_gone: bool, patience: float) -> None:
        """Note a failure: disabled if it is gone, paused if nothing has arrived for so many seconds."""

    async def worked(self, id: WebhookId) -> None:
        """Note that something arrived: it is active."""


class Ledger(Protocol):
    """The deliveries, for as long as they are kept."""

    async def record(self, webhook_id: WebhookId, notice: Notice, *, forced: bool = False) -> Delivery:
        """Keep a delivery that is due at once; the one there is if this notice was recorded for the webhook before."""

    async def claim(self, busy: Collection[WebhookId], lease: float) -> Delivery | None:
        """Take what is due for longest, but for these webhooks; it is due again after the lease."""

    async def note(self, id: DeliveryId, fence: int, step: Step, reply: Reply | None = None) -> bool:
        """Note what follows, and the reply to a try; without a reply there was no try. False if the claim is lost."""

    async def replay(self, webhook_id: WebhookId, id: DeliveryId) -> Delivery:
        """Make it due at once and anew, unless it is being sent just now; DeliveryNotFound."""

    async def hurry(self, webhook_id: WebhookId) -> None:
        """Make all that waits due at once."""

    async def page(
        self, webhook_id: WebhookId, state: DeliveryState | None, before: DeliveryId | None, limit: int
    ) -> list[Delivery]:
        """The newest first, of those older than another; DeliveryNotFound if there is no such other."""

    async def forget(self, webhook_id: WebhookId) -> None: ...


class Courier(Protocol):
    async def check(self, url: str) -> None:
        """WebhookUrlRefused if nothing may be sent there, as its name resolves now."""

    async def send(self, webhook: Webhook, delivery: Delivery) -> Reply:
        """Post it, signed with all its secrets at the time of the claim; raises nothing for what goes wrong there."""
