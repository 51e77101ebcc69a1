"""What the routes are handed: the services, and who asks."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.admission import Admission
from services.analysis import Analysis
from services.errors import Unauthenticated
from services.idempotency import Idempotency
from services.intake import Intake
from services.interview import ID_PATTERN, QuestionId, SessionId, Viewer
from services.interviews import Interviews
from services.pace import Pace
from services.ports.access import Tokens
from services.ports.records import Records
from services.watch import Watch


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the parts answer; Redis may be down without an answer being lost."""

    database: bool
    doorbell: bool
    workers: int

    @property
    def is_ready(self) -> bool:
        return self.database


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    interviews: Interviews
    intake: Intake
    analysis: Analysis
    pace: Pace
    admission: Admission
    idempotency: Idempotency
    records: Records
    tokens: Tokens
    health: Callable[[], Awaitable[Health]]
    max_audio_bytes: int
    upload_idle_seconds: float
    watch: Watch
    metrics_token: str | None = None
    upload_least_rate: float = 512.0


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Needs = Annotated[Services, Depends(_services)]

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A JWT whose `sub` is the user.")


async def viewer_of(request: Request, services: Services, credentials: HTTPAuthorizationCredentials | None) -> Viewer:
    """Who asks, counted once a request against the rates of address and user."""
    known: Viewer | None = getattr(request.state, "viewer", None)
    if known is not None:
        return known
    await services.admission.address(request.client.host if request.client else "")
    if credentials is None:
        raise Unauthenticated
    viewer = await services.tokens.verify(credentials.credentials)
    await services.admission.request(viewer)
    request.state.viewer = viewer
    return viewer


async def _viewer(
    request: Request, services: Needs, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Viewer:
    return await viewer_of(request, services, credentials)


Asker = Annotated[Viewer, Depends(_viewer)]


async def upload_slot(services: Needs, viewer: Asker) -> AsyncIterator[None]:
    """A place among the uploads in flight, until the answer is sent."""
    async with services.admission.upload(viewer):
        yield


SessionPath = Annotated[SessionId, Path(pattern=ID_PATTERN, description="The session's id.")]
QuestionPath = Annotated[QuestionId, Path(pattern=ID_PATTERN, description="The question's id.")]
