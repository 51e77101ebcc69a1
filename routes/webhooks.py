"""Webhooks: whom to tell of what, and what came of telling them."""

import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from routes import idempotency
from routes.body_bounds import Bounded, at_most
from routes.dependencies import Asker, DeliveryPath, Needs, Services, WebhookPath
from routes.errors import documented
from routes.prefix import here
from services import errors
from services.events.model import EventType
from services.interviews.model import ID_PATTERN, Viewer
from services.webhooks.addresses import LONGEST_URL
from services.webhooks.ports import Attempt, Delivery, DeliveryId, DeliveryState, Webhook, WebhookId, WebhookState

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], route_class=idempotency.Once)

URL = "https://hooks.example.com/viva-voce"
SECRET = "whsec_fS0AzQfUcPS3eOsTzBVbWWjgJNcB2GYcOJg2OkQ0lQ4="  # noqa: S105  an example
SENT: dict[int | str, dict[str, Any]] = {202: {"description": "It will be sent at once."}}
EventName = Literal["answer.completed", "answer.failed", "session.analyzed", "utterance"]


class WebhookIn(Bounded):
    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        examples=[URL],
        description="https only, on port 443 or above 1023, at a host whose addresses are all public.",
    )
    events: Annotated[list[EventName], at_most(10)] = Field(
        ["answer.completed", "answer.failed", "session.analyzed"],
        min_length=1,
        max_length=10,
        description="What to be told of; unless said, of all but utterances.",
    )
    description: str | None = Field(None, max_length=200, examples=["the scoring service"])


class WebhookOut(BaseModel):
    """Where you are told of what. `paused`: nothing has arrived for three days; `disabled`: it answered 410."""

    webhook_id: str
    url: str = Field(examples=[URL])
    events: list[EventName]
    description: str | None
    state: WebhookState
    failing_since: datetime | None = Field(description="Since when nothing has arrived; null where the last one did.")
    created_at: datetime | None

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookOut":
        return cls(**_shown(webhook))


class WebhookMadeOut(WebhookOut):
    secret: str = Field(examples=[SECRET], description="Signs what is sent; shown this once. Keep it.")

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookMadeOut":
        return cls(**_shown(webhook), secret=webhook.secrets[0])


class WebhooksOut(BaseModel):
    webhooks: list[WebhookOut]


class AttemptOut(BaseModel):
    """One try: the status that came back, or the error where none did."""

    at: datetime
    status: int | None = Field(examples=[204])
    error: str | None
    milliseconds: int
    excerpt: str = Field(description="How the answer's body begins.")

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptOut":
        return cls(
            at=attempt.at,
            status=attempt.status,
            error=attempt.error,
            milliseconds=attempt.milliseconds,
            excerpt=attempt.excerpt,
        )


class DeliveryOut(BaseModel):
    """What was or is to be sent; `event_id` is the header `webhook-id` of each try and of each replay."""

    delivery_id: str
    event_id: str
    type: str = Field(examples=[EventType.COMPLETED.value])
    timestamp: datetime
    data: dict[str, str | int | float | None]
    state: DeliveryState
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="Of a pending one.")
    attempts: list[AttemptOut] = Field(description="The last 20, the oldest first.")

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryOut":
        return cls(
            delivery_id=delivery.id,
            event_id=delivery.event_id,
            type=delivery.type,
            timestamp=delivery.at,
            data=dict(delivery.data),
            state=delivery.state,
            created_at=delivery.created_at,
            next_attempt_at=delivery.due_at if delivery.state is DeliveryState.PENDING else None,
            attempts=[AttemptOut.of(attempt) for attempt in delivery.attempts],
        )


class DeliveriesOut(BaseModel):
    deliveries: list[DeliveryOut]
    before: str | None = Field(description="Ask with `before` of this value for older ones; null where none are left.")


@router.post(
    "",
    status_code=201,
    operation_id="createWebhook",
    dependencies=[idempotency.takes_key],
    responses=documented(
        errors.TooManyWebhooks,
        errors.BodyTooLarge,
        errors.BodyStalled,
        errors.TooManyBodies,
        errors.BodiesSaturated,
        errors.WebhookUrlRefused,
        errors.StoreUnavailable,
        errors.RateLimited,
        *idempotency.PROBLEMS,
    ),
)
async def create_webhook(
    body: WebhookIn, request: Request, response: Response, viewer: Asker, services: Needs
) -> WebhookMadeOut:
    """Be told of what happens to your sessions' answers; the secret with which that is signed is shown here alone."""
    idempotency.makes_again(request)
    webhook = await _made(body, request, viewer, services)
    response.headers["Location"] = here(request, f"/api/webhooks/{webhook.id}")
    return WebhookMadeOut.of(webhook)


async def _made(body: WebhookIn, request: Request, viewer: Viewer, services: Services) -> Webhook:
    """A new webhook, or the one that this request has made before."""
    if (kept := idempotency.kept_of(request)) and kept.made:
        return await services.webhooks.endpoints.get(WebhookId(kept.made), viewer)
    events = tuple(EventType(name) for name in dict.fromkeys(body.events))
    id = WebhookId(_made_id(request))
    try:
        return await services.webhooks.create(id, viewer.user_id, body.url, events, body.description)
    except errors.WebhookUrlRefused:
        idempotency.note_body(request, None)  # the name may resolve to something else the next time
        raise


@router.get("", operation_id="listWebhooks", responses=documented(errors.RateLimited))
async def list_webhooks(viewer: Asker, services: Needs) -> WebhooksOut:
    """Your webhooks, the oldest first."""
    own = await services.webhooks.endpoints.of_user(viewer.user_id)
    return WebhooksOut(webhooks=[WebhookOut.of(webhook) for webhook in own])


@router.get(
    "/{webhook_id}", operation_id="getWebhook", responses=documented(errors.WebhookNotFound, errors.RateLimited)
)
async def get_webhook(webhook_id: WebhookPath, viewer: Asker, services: Needs) -> WebhookOut:
    """A webhook and how it is doing."""
    return WebhookOut.of(await services.webhooks.endpoints.get(webhook_id, viewer))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    operation_id="deleteWebhook",
    responses=documented(errors.WebhookNotFound, errors.StoreUnavailable, errors.RateLimited),
)
async def delete_webhook(webhook_id: WebhookPath, viewer: Asker, services: Needs) -> None:
    """Be told no more; what was not sent yet never will be."""
    await services.webhooks.delete(webhook_id, viewer)


@router.post(
    "/{webhook_id}/secret",
    operation_id="rotateWebhookSecret",
    dependencies=[idempotency.takes_key],
    responses=documented(errors.WebhookNotFound, errors.StoreUnavailable, errors.RateLimited, *idempotency.PROBLEMS),
)
async def rotate_secret(webhook_id: WebhookPath, request: Request, viewer: Asker, services: Needs) -> WebhookMadeOut:
    """A new secret; for 24 hours the one before signs, too."""
    idempotency.makes_again(request)
    if idempotency.kept_of(request):
        return WebhookMadeOut.of(await services.webhooks.endpoints.get(webhook_id, viewer))
    return WebhookMadeOut.of(await services.webhooks.rotate(webhook_id, viewer))


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    operation_id="testWebhook",
    dependencies=[idempotency.takes_key],
    responses=SENT
    | documented(errors.WebhookNotFound, errors.StoreUnavailable, errors.RateLimited, *idempotency.PROBLEMS),
)
async def test_webhook(webhook_id: WebhookPath, request: Request, viewer: Asker, services: Needs) -> DeliveryOut:
    """Have an event of the type `webhook.test` sent, once; a webhook that takes it is active again."""
    return DeliveryOut.of(await services.webhooks.test(webhook_id, viewer, _made_id(request)))


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="listDeliveries",
    responses=documented(errors.WebhookNotFound, errors.DeliveryNotFound, errors.RateLimited),
)
async def list_deliveries(
    webhook_id: WebhookPath,
    viewer: Asker,
    services: Needs,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    before: Annotated[
        DeliveryId | None, Query(pattern=ID_PATTERN, description="Only those older than this one.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> DeliveriesOut:
    """What was and is to be sent, the newest first; kept for 30 days, unless the operator says otherwise."""
    found = await services.webhooks.deliveries(webhook_id, viewer, state=state, before=before, limit=limit)
    last = found[-1].id if len(found) == limit else None
    return DeliveriesOut(deliveries=[DeliveryOut.of(delivery) for delivery in found], before=last)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    operation_id="replayDelivery",
    dependencies=[idempotency.takes_key],
    responses=SENT
    | documented(
        errors.WebhookNotFound,
        errors.DeliveryNotFound,
        errors.StoreUnavailable,
        errors.RateLimited,
        *idempotency.PROBLEMS,
    ),
)
async def replay_delivery(
    webhook_id: WebhookPath, delivery_id: DeliveryPath, viewer: Asker, services: Needs
) -> DeliveryOut:
    """Have it sent again, whatever became of it, under the same event's id; a webhook that takes it is active again."""
    return DeliveryOut.of(await services.webhooks.replay(webhook_id, delivery_id, viewer))


def _made_id(request: Request) -> str:
    hold = idempotency.hold_of(request)
    return hold.made_id if hold else secrets.token_hex(12)


def _shown(webhook: Webhook) -> dict[str, object]:
    return {
        "webhook_id": webhook.id,
        "url": webhook.url,
        "events": [event.value for event in webhook.events],
        "description": webhook.description,
        "state": webhook.state,
        "failing_since": webhook.failing_since,
        "created_at": webhook.created_at,
    }
