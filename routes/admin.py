"""The operators' routes: what is stuck and what failed, and mending it by hand. For the role admin only."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StrictBool, StringConstraints

from routes.admin_asked import ALWAYS, OF_ANSWER, Before, Limit, operator_of
from routes.admin_figures import OverviewOut, SweptOut, TrendsOut, overview
from routes.admin_lists import AuditOut, SessionsSeenOut, StuckListOut, StuckOut, place_of
from routes.answer_schemas import AnswerOut
from routes.body_bounds import Bounded
from routes.dependencies import Admin, Needs, QuestionPath, SessionPath
from routes.errors import UNREADABLE, documented
from routes.moments import Moment
from routes.prefix import here
from services import errors
from services.interviews.model import answer_of
from services.operations.ports.trends import TrendSpan
from services.operations.ports.views import SessionFilter, Standing

router = APIRouter(prefix="/api/admin", tags=["admin"])

STUCK_SECONDS = 120
MOST_COUNTED = 1000
MOST_OF_A_KIND = 100


class Why(Bounded):
    """Why an answer is ended by hand."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="A sentence that the candidate and the operators will read.",
        examples=["The recording hangs the engine. Please record this answer again."],
    )


class SweepIn(Bounded):
    dry_run: StrictBool = Field(description="Only count what would be done.", examples=[True])


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
    grafana = services.operations.grafana_url
    return overview(sight.reading, sight, recent, stuck, STUCK_SECONDS, dict(stored), workers, grafana)


@router.get("/sessions", operation_id="adminFindSessions", responses=documented(*ALWAYS))
async def find_sessions(
    admin: Admin,
    services: Needs,
    q: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="A session's id, a user's id, or how a title begins."),
    ] = None,
    state: Annotated[Standing | None, Query(description="How the session stands.")] = None,
    since: Annotated[Moment | None, Query(description="Made then or later; with its zone.")] = None,
    until: Annotated[Moment | None, Query(description="Made before then; with its zone.")] = None,
    before: Before = None,
    limit: Limit = 20,
) -> SessionsSeenOut:
    """Sessions of anyone, in short, newest first."""
    wanted = SessionFilter(sought=q, standing=state, since=since, until=until)
    await services.operations.oversight.sought(admin, wanted)
    return SessionsSeenOut.of(await services.operations.views.sessions(wanted, place_of(before), limit))


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


@router.get("/trends", operation_id="adminTrends", responses=documented(*ALWAYS))
async def show_trends(
    admin: Admin, services: Needs, span: Annotated[TrendSpan, Query(description="The last hour, or the last day.")]
) -> TrendsOut:
    """What came, ended, failed and waited lately, as the sweep notes it once a minute."""
    return TrendsOut.of(span, await services.operations.trends.bins(span))


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
    part = await services.operations.intervention.retry(session_id, question_id, operator_of(admin, request))
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
    part = await services.operations.intervention.fail(
        session_id, question_id, body.reason, operator_of(admin, request)
    )
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
    part = await services.operations.intervention.score(session_id, question_id, operator_of(admin, request))
    response.headers["Location"] = here(request, f"/api/transcription-status/{session_id}/{question_id}")
    return AnswerOut.of(answer_of(part))


@router.post("/sweep", operation_id="adminSweep", responses=UNREADABLE | documented(*ALWAYS))
async def sweep(body: SweepIn, request: Request, admin: Admin, services: Needs) -> SweptOut:
    """Sweep and look for stray audio now, or only count what that would do."""
    counts = await services.operations.intervention.sweep(operator_of(admin, request), dry_run=body.dry_run)
    return SweptOut.of(dict(counts), dry_run=body.dry_run)


@router.get("/audit", operation_id="adminAudit", responses=documented(*ALWAYS))
async def read_audit(admin: Admin, services: Needs, before: Before = None, limit: Limit = 50) -> AuditOut:
    """What operators did, newest first. Entries are only ever added."""
    return AuditOut.of(await services.operations.audit_log.page(place_of(before), limit), limit)
