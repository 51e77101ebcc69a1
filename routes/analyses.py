"""Analyzing a session: "retry after N seconds" until every transcript is there, then the scores."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from routes import idempotency
from routes.answer_schemas import AnswerOut
from routes.dependencies import Asker, Needs, SessionPath
from routes.errors import documented
from services import errors
from services.analysis.results import Pending, Result
from services.interviews.model import QuestionId, Session

router = APIRouter(prefix="/api", tags=["analysis"], route_class=idempotency.Once)


class PendingOut(BaseModel):
    """Something is still in work; ask again after `retry_after` seconds."""

    status: Literal["transcription_pending"] = "transcription_pending"
    message: str = Field(examples=["Waiting for 2 transcriptions to complete"])
    pending_count: int = Field(description="Arriving or queued.")
    processing_count: int
    retry_after: int = Field(description="Seconds, from what waits and how fast it went lately.")
    scoring_count: int = Field(description="Transcribed, and being scored.")
    queued: list[str]
    processing: list[str]
    scoring: list[str]
    failed: list[str]
    not_answered: list[str]

    @classmethod
    def of(cls, pending: Pending) -> "PendingOut":
        now = pending.standing
        return cls(
            message=_message(len(now.queued) + len(now.processing), len(now.scoring)),
            pending_count=len(now.queued),
            processing_count=len(now.processing),
            retry_after=pending.retry_after,
            scoring_count=len(now.scoring),
            queued=list(now.queued),
            processing=list(now.processing),
            scoring=list(now.scoring),
            failed=list(now.failed),
            not_answered=list(now.not_answered),
        )


class ScoredAnswerOut(AnswerOut):
    question: str
    model_answer: str | None

    @classmethod
    def within(cls, session: Session, id: QuestionId) -> "ScoredAnswerOut":
        question = session.question(id)
        shown = AnswerOut.of(session.answers[id]).model_dump()
        text, reference = (question.text, question.reference_answer) if question else ("", None)
        return cls(**shown, question=text, model_answer=reference)


class ResultOut(BaseModel):
    """The scores. What failed, was not answered or could not be judged is named, and never counted as zero."""

    status: Literal["success"] = "success"
    final_score: float | None = Field(description="Mean of the scores there are; null without any.", examples=[85.5])
    scored_count: int
    session_id: str
    input_digest: str = Field(description="Names the recordings and scores that the result rests on.")
    answers: list[ScoredAnswerOut]
    unscored: dict[str, str | None] = Field(description="Question ids with the reason why there is no score.")
    failed: list[str]
    not_answered: list[str]

    @classmethod
    def of(cls, result: Result) -> "ResultOut":
        session, now = result.session, result.standing
        return cls(
            final_score=result.final_score,
            scored_count=len(result.scored),
            session_id=session.id,
            input_digest=result.digest,
            answers=[ScoredAnswerOut.within(session, q.id) for q in session.questions if q.id in session.answers],
            unscored={a.question_id: a.evaluation.reason if a.evaluation else None for a in result.unscored},
            failed=list(now.failed),
            not_answered=list(now.not_answered),
        )


@router.post(
    "/analyze/{session_id}",
    operation_id="analyzeSession",
    response_model=ResultOut,
    dependencies=[idempotency.takes_key],
    responses={
        202: {"model": PendingOut, "description": "Not every transcript is there yet; see `Retry-After`."},
        **documented(errors.SessionNotFound, errors.StoreUnavailable, errors.RateLimited, *idempotency.PROBLEMS),
    },
)
async def analyze_session(
    session_id: SessionPath, request: Request, viewer: Asker, services: Needs
) -> ResultOut | PendingOut | Response:
    """The scores of a session, or how long to wait for them."""
    idempotency.makes_again(request)
    outcome = await services.analysis.run(session_id, viewer)
    if isinstance(outcome, Result):
        return ResultOut.of(outcome)
    idempotency.note_body(request, None)
    out = PendingOut.of(outcome)
    return Response(
        out.model_dump_json(),
        status_code=202,
        media_type="application/json",
        headers={"Retry-After": str(out.retry_after)},
    )


def _message(transcriptions: int, scores: int) -> str:
    if transcriptions:
        return f"Waiting for {transcriptions} transcription{'s' * (transcriptions != 1)} to complete"
    return f"Waiting for {scores} score{'s' * (scores != 1)}"
