"""`GET /metrics`: whether anything is stuck, for Prometheus."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from routes.dependencies import Needs, bearer, viewer_of
from routes.errors import documented
from routes.exposition import Beside, Seen
from routes.http_metrics import HttpMeter
from services.errors import RateLimited, Unauthenticated

router = APIRouter(tags=["operations"])


async def _reader(
    request: Request, services: Needs, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Only who holds the metrics' own token, or is an admin; guesses count against the rates."""
    if credentials is not None and _is_own(services.metrics_token, credentials.credentials):
        return
    if not (await viewer_of(request, services, credentials)).is_admin:
        raise Unauthenticated


def _is_own(own: str | None, given: str) -> bool:
    return bool(own) and hmac.compare_digest((own or "").encode(), given.encode())


@router.get(
    "/metrics",
    operation_id="metrics",
    dependencies=[Depends(_reader)],
    response_class=Response,
    responses={**documented(RateLimited), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, services: Needs) -> Response:
    """How things stand in the store, and what this process does, in Prometheus' text format."""
    meter: HttpMeter = request.app.state.meter
    seen = CollectorRegistry()
    seen.register(Seen(await services.overview.look()))
    seen.register(Beside(services.tokens))
    return Response(generate_latest(seen) + generate_latest(meter.exposed()), media_type=CONTENT_TYPE_PLAIN_0_0_4)
