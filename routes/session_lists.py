"""One's own sessions, found again: newest first, page by page."""

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from routes.dependencies import Asker, Needs
from routes.errors import documented
from routes.moments import Moment
from routes.revalidation import NOT_MODIFIED, IfNoneMatch, marked, weak
from services import errors
from services.interviews.listing import MOST_LISTED, Listed, Place, Progress, Span
from services.interviews.model import Status

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_CURSOR = 200

Since = Annotated[Moment | None, Query(description="Made at this time or later; ISO 8601 with its zone.")]
Until = Annotated[Moment | None, Query(description="Made before this time.")]
State = Annotated[Progress | None, Query(description="Only those that are so far.")]
After = Annotated[str | None, Query(max_length=LONGEST_CURSOR, description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="At most so many; with `state` it may be fewer.")]


class SessionListedOut(BaseModel):
    """A session without its texts; `answers` counts the answers of each status."""

    session_id: str
    title: str | None
    created_at: datetime
    state: Progress = Field(description="What failed counts as answered.")
    questions: int
    answers: dict[Status, int]

    @classmethod
    def of(cls, listed: Listed) -> "SessionListedOut":
        found = list(listed.answers.values())
        return cls(
            session_id=listed.id,
            title=listed.title,
            created_at=listed.created_at,
            state=listed.progress,
            questions=listed.questions,
            answers={status: found.count(status) for status in Status},
        )


class SessionsOut(BaseModel):
    sessions: list[SessionListedOut]
    next: str | None = Field(description="Ask with this `cursor` for what is older; null: there is no more.")


@router.get(
    "",
    operation_id="listSessions",
    response_model=SessionsOut,
    responses=NOT_MODIFIED | documented(errors.RateLimited),
)
async def list_sessions(
    response: Response,
    viewer: Asker,
    services: Needs,
    since: Since = None,
    until: Until = None,
    state: State = None,
    cursor: After = None,
    limit: Limit = 50,
    if_none_match: IfNoneMatch = None,
) -> SessionsOut | Response:
    """Your own sessions, newest first. With `state`, a page may be empty and still have a `next`."""
    page = await services.listing.page(viewer.user_id, Span(since=since, until=until), state, _place_of(cursor), limit)
    return marked(response, _tag(page.sessions, page.ended), if_none_match) or SessionsOut(
        sessions=[SessionListedOut.of(one) for one in page.sessions], next=page.ended and _cursor_of(page.ended)
    )


def _tag(sessions: tuple[Listed, ...], ended: Place | None) -> str:
    said = repr(([(one.id, one.revision) for one in sessions], ended))
    return weak(hashlib.sha256(said.encode()).hexdigest()[:32])


def _cursor_of(place: Place) -> str:
    said = f"{(place.at - EPOCH) // timedelta(milliseconds=1)}.{place.id}"
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def _place_of(cursor: str | None) -> Place | None:
    """Where the page before ended; 422 for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        said = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        milliseconds, _, id = said.partition(".")
        return Place(EPOCH + timedelta(milliseconds=int(milliseconds)), id)
    except (binascii.Error, ValueError, OverflowError):
        fault = {"loc": ("query", "cursor"), "msg": "is no cursor: send the `next` of a page, as it was given"}
        raise RequestValidationError([fault]) from None
