"""What the routes are handed: the services, and who asks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.analysis import Analysis
from services.errors import Unauthenticated
from services.intake import Intake
from services.interview import ID_PATTERN, QuestionId, SessionId, Viewer
from services.interviews import Interviews
from services.pace import Pace
from services.ports import Records, Tokens


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
    records: Records
    tokens: Tokens
    health: Callable[[], Awaitable[Health]]
    max_audio_bytes: int
    upload_idle_seconds: float


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Needs = Annotated[Services, Depends(_services)]

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A JWT whose `sub` is the user.")


async def _viewer(
    services: Needs, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Viewer:
    if credentials is None:
        raise Unauthenticated
    return await services.tokens.verify(credentials.credentials)


Asker = Annotated[Viewer, Depends(_viewer)]
SessionPath = Annotated[SessionId, Path(pattern=ID_PATTERN, description="The session's id.")]
QuestionPath = Annotated[QuestionId, Path(pattern=ID_PATTERN, description="The question's id.")]
