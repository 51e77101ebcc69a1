"""The operators' routes: what is stuck and what failed, and mending it by hand. For the role admin only."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StrictBool, StringConstraints

from routes.admin_figures import OverviewOut, SweptOut, overview
from routes.admin_lists import (
    PLACE_PATTERN,
    AuditOut,
    FailedListOut,
    SessionSeenOut,
    SessionsSeenOut,
    StuckListOut,
    StuckOut,
    place_of,
)
from routes.answer_schemas import AnswerOut
from routes.body_bounds import Bounded
from routes.dependencies import Admin, Needs, QuestionPath, SessionPath
from routes.errors import UNREADABLE, documented
from routes.prefix import here
from services import errors
from services.interviews.model import Viewer, answer_of
from services.operations.interventions import Operator

router = APIRouter(prefix="/api/admin", tags=["admin"])

STUCK_SECONDS = 120
MOST_COUNTED = 1000
MOST_OF_A_KIND = 100

ALWAYS = (errors.Forbidden, errors.StoreUnavailable, errors.RateLimited)
OF_ANSWER = (errors.SessionNotFound, errors.QuestionNotFound, errors.AnswerNotFound)

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Before = Annotated[str | None, Query(pattern=PLACE_PATTERN, description="The `next` of the page before.")]


class Why(Bounded):
    """Why an answer is ended by hand."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="A sentence that the candidate and the operators will read.",
        examples=["The recording hangs the engine. Please record this answer again."],
    )


class SweepIn(Bounded):
    dry_run: StrictBool = Field(description="Only count what would be done.", examples=[True])


def _operator(viewer: Viewer, request: Request) -> Operator:
    return Operator(viewer, request.state.request_id)


@router.get("/overview", operation_id="adminOverview", responses=documented(*ALWAYS))
async def show_overview(admin: Admin, services: Needs) -> OverviewOut:
    """How everything stands: queues, throughput, failures, stuck work, storage, workers, sweeps."""
    sight, recent, stuck, stored, workers = await asyncio.gather(
        services.overview.look(),
        services.operations.views.recent(),
        services.operations.views.count_stuck(STUCK_SECONDS, MOST_COUNTED),
        services.operations.views.stored(),
        services.operations.workers.alive(),
    )
    if sight.reading is None:
        raise errors.StoreUnavailable("The database did not answer in time. Try again.")
    return overview(sight.reading, sight, recent, stuck, STUCK_SECONDS, dict(stored), workers)


@router.get("/sessions", operation_id="adminFindSessions", responses=documented(*ALWAYS))
async def find_sessions(
    admin: Admin,
    services: Needs,
    q: Annotated[
        str, Query(min_length=1, max_length=200, description="A session's id, a user's id, or how a title begins.")
    ],
    limit: Limit = 20,
) -> SessionsSeenOut:
    """Sessions of anyone, in short."""
    await services.operations.oversight.sought(admin, q)
    found = await services.operations.views.sessions(q, limit)
    return SessionsSeenOut(sessions=[SessionSeenOut.of(seen) for seen in found])


@router.get("/stuck", operation_id="adminStuck", responses=documented(*ALWAYS))
async def list_stuck(
    admin: Admin,
    services: Needs,
    seconds: Annotated[
        int, Query(ge=1, le=30 * 24 * 3600, description="What waits for so long counts as stuck.")
    ] = STUCK_SECONDS,
    limit: Annotated[int, Query(ge=1, le=MOST_OF_A_KIND, description="At most so many of each kind.")] = 50,
) -> StuckListOut:
    """What waits for too long, of each kind the oldest first: arriving, queued, in work, not cleaned up, not scored."""
    found = await services.operations.views.stuck(seconds, limit)
    return StuckListOut(seconds=seconds, stuck=[StuckOut.of(stuck) for stuck in found])


@router.get("/failed", operation_id="adminFailed", responses=documented(*ALWAYS))
async def list_failed(admin: Admin, services: Needs, before: Before = None, limit: Limit = 50) -> FailedListOut:
    """What failed, newest first, with the reason, and whether it can be retried."""
    return FailedListOut.of(await services.operations.views.failed(place_of(before), limit), limit)


@router.post(
    "/answers/{session_id}/{question_id}/retry",
    status_code=202,
    operation_id="adminRetryAnswer",
    responses=documented(
        *ALWAYS, *OF_ANSWER, errors.NotFailed, errors.RecordingGone, errors.SameInWork, errors.TakeSuperseded
    ),
)
async def retry_answer(
    session_id: SessionPath,
    question_id: QuestionPath,
    request: Request,
    response: Response,
    admin: Admin,
    services: Needs,
) -> AnswerOut:
    """Have the newest take of a failed answer transcribed anew, with all its deliveries, if its audio is kept."""
    part = await services.operations.intervention.retry(session_id, question_id, _operator(admin, request))
    response.headers["Location"] = here(request, f"/api/transcription-status/{session_id}/{question_id}")
    return AnswerOut.of(answer_of(part))


@router.post(
    "/answers/{session_id}/{question_id}/fail",
    operation_id="adminFailAnswer",
    responses=UNREADABLE | documented(*ALWAYS, *OF_ANSWER, errors.NotInWork),
)
async def fail_answer(
    session_id: SessionPath, question_id: QuestionPath, body: Why, request: Request, admin: Admin, services: Needs
) -> AnswerOut:
    """End an answer that waits or is in work, with a reason; its audio is kept for a retry."""
    part = await services.operations.intervention.fail(session_id, question_id, body.reason, _operator(admin, request))
    return AnswerOut.of(answer_of(part))


@router.post(
    "/answers/{session_id}/{question_id}/score",
    status_code=202,
    operation_id="adminScoreAnswer",
    responses=documented(*ALWAYS, *OF_ANSWER, errors.NotUnscored),
)
async def score_answer(
    session_id: SessionPath,
    question_id: QuestionPath,
    request: Request,
    response: Response,
    admin: Admin,
    services: Needs,
) -> AnswerOut:
    """Have an answer scored that has no score because no scorer could be had."""
    part = await services.operations.intervention.score(session_id, question_id, _operator(admin, request))
    response.headers["Location"] = here(request, f"/api/transcription-status/{session_id}/{question_id}")
    return AnswerOut.of(answer_of(part))


@router.post("/sweep", operation_id="adminSweep", responses=UNREADABLE | documented(*ALWAYS))
async def sweep(body: SweepIn, request: Request, admin: Admin, services: Needs) -> SweptOut:
    """Sweep and look for stray audio now, or only count what that would do."""
    counts = await services.operations.intervention.sweep(_operator(admin, request), dry_run=body.dry_run)
    return SweptOut.of(dict(counts), dry_run=body.dry_run)


@router.get("/audit", operation_id="adminAudit", responses=documented(*ALWAYS))
async def read_audit(admin: Admin, services: Needs, before: Before = None, limit: Limit = 50) -> AuditOut:
    """What operators did, newest first. Entries are only ever added."""
    return AuditOut.of(await services.operations.audit_log.page(place_of(before), limit), limit)
