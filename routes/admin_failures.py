"""What failed, for the operators: narrowed to what is looked for, and retried together."""

from datetime import datetime
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from routes.admin_asked import ALWAYS, Before, Limit, operator_of
from routes.admin_lists import NEXT, TOTAL, PartOut, TotalOut, cursor_of, part_fields, place_of
from routes.body_bounds import Bounded
from routes.dependencies import Admin, Needs
from routes.errors import UNREADABLE, documented
from routes.moments import Moment
from services.errors import Problem
from services.interviews.model import PartId, UserId
from services.operations.interventions import Retries
from services.operations.ports.views import Ended, FailureFilter, FailurePage

router = APIRouter(prefix="/api/admin", tags=["admin"])

MOST_RETRIED = 200
CODE_PATTERN = r"^[a-z_]{1,64}$"

FileId = Annotated[PartId, StringConstraints(pattern=r"^[0-9a-f]{24}$")]


class FailedOut(PartOut):
    """A recording that failed. `can_retry`: its audio is kept, and no newer take was accepted."""

    failed_at: datetime | None
    audio_kept: bool
    can_retry: bool

    @classmethod
    def of(cls, ended: Ended) -> "FailedOut":
        return cls(
            **part_fields(ended.part),
            failed_at=ended.part.completed_at,
            audio_kept=ended.part.keep_audio,
            can_retry=ended.can_retry,
        )


class FailedListOut(BaseModel):
    """Failures, newest first. A page of those that can be retried may hold fewer than were asked for."""

    failed: list[FailedOut]
    next: str | None = NEXT
    total: TotalOut | None = TOTAL

    @classmethod
    def of(cls, page: FailurePage) -> "FailedListOut":
        failed = [FailedOut.of(ended) for ended in page.failed]
        return cls(failed=failed, next=page.next and cursor_of(page.next), total=TotalOut.of(page.total))


class RetryIn(Bounded):
    """Which recordings to retry: their `file_id`, as the list of failures names them."""

    file_ids: list[FileId] = Field(min_length=1, max_length=MOST_RETRIED, examples=[["65f000000000000000000001"]])


class WhyNotOut(BaseModel):
    code: str = Field(examples=["recording_gone"])
    detail: str


class RetriedOut(BaseModel):
    """One of them: queued anew, or why not."""

    file_id: str
    problem: WhyNotOut | None


class RetriesOut(BaseModel):
    """What came of each, in the order in which they were named. Those that are missing were not reached: ask again."""

    answers: list[RetriedOut]
    retry_after: int | None = Field(description="Seconds after which the rate lets the rest be asked for.")

    @classmethod
    def of(cls, retries: Retries) -> "RetriesOut":
        answers = [RetriedOut(file_id=each.id, problem=_why_not(each.problem)) for each in retries.done]
        return cls(answers=answers, retry_after=None if retries.retry_after is None else ceil(retries.retry_after))


def _why_not(problem: Problem | None) -> WhyNotOut | None:
    return None if problem is None else WhyNotOut(code=problem.code, detail=str(problem))


@router.get("/failed", operation_id="adminFailed", responses=documented(*ALWAYS))
async def list_failed(
    admin: Admin,
    services: Needs,
    code: Annotated[str | None, Query(pattern=CODE_PATTERN, description="Failed for this reason.")] = None,
    user: Annotated[str | None, Query(min_length=1, max_length=200, description="Of this user.")] = None,
    since: Annotated[Moment | None, Query(description="Failed then or later; with its zone.")] = None,
    until: Annotated[Moment | None, Query(description="Failed before then; with its zone.")] = None,
    can_retry: Annotated[bool, Query(description="Only what can be retried.")] = False,
    before: Before = None,
    limit: Limit = 50,
) -> FailedListOut:
    """What failed, newest first, with the reason, and whether it can be retried."""
    user_id = None if user is None else UserId(user)
    wanted = FailureFilter(code=code, user_id=user_id, since=since, until=until, can_retry=can_retry)
    return FailedListOut.of(await services.operations.views.failed(wanted, place_of(before), limit))


@router.post("/failed/retry", operation_id="adminRetryFailed", responses=UNREADABLE | documented(*ALWAYS))
async def retry_failed(body: RetryIn, request: Request, admin: Admin, services: Needs) -> RetriesOut:
    """Retry several failed answers, one after the other.

    Each is in the audit log, and counts as a request of yours.
    """

    async def admit() -> None:
        await services.admission.request(admin)

    ids = list(dict.fromkeys(body.file_ids))
    retries = await services.operations.intervention.retry_each(ids, operator_of(admin, request), admit)
    return RetriesOut.of(retries)
