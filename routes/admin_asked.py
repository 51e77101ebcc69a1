"""What the operators' routes are asked alike, and who asks."""

from typing import Annotated

from fastapi import Query, Request

from routes.admin_lists import PLACE_PATTERN
from services import errors
from services.interviews.model import Viewer
from services.operations.interventions import Operator

ALWAYS = (errors.Forbidden, errors.StoreUnavailable, errors.RateLimited)
OF_ANSWER = (errors.SessionNotFound, errors.QuestionNotFound, errors.AnswerNotFound)

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Before = Annotated[str | None, Query(pattern=PLACE_PATTERN, description="The `next` of the page before.")]


def operator_of(viewer: Viewer, request: Request) -> Operator:
    return Operator(viewer, request.state.request_id)
