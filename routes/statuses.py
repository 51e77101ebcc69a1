"""How far the transcriptions are. Each answer carries an ETag, so that asking again is cheap."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from routes.answer_schemas import AnswerOut, SegmentOut
from routes.dependencies import Asker, Needs, QuestionPath, Services, SessionPath
from routes.errors import documented
from routes.revalidation import NOT_MODIFIED, IfNoneMatch, marked, weak
from services import errors
from services.interviews.model import Answer, Session, Status
from services.interviews.transcript import Segment
from services.transcription.together import segments_of

router = APIRouter(prefix="/api/transcription-status", tags=["answers"])

# The words of more segments are put together beside the loop: of hours it takes seconds.
MANY = 100


class StatusOut(AnswerOut):
    segments: list[SegmentOut] | None = Field(
        None, description="With `segments=true`: where the words stand; of one in work, those of what was said so far."
    )


class Summary(BaseModel):
    """`total` counts the answers there are; each is in one of the four states."""

    total: int
    completed: int
    processing: int
    queued: int
    failed: int
    questions: int
    not_answered: int


class SessionStatusOut(BaseModel):
    session_id: str
    summary: Summary
    answers: dict[str, AnswerOut]
    not_answered: list[str]

    @classmethod
    def fields_of(cls, session: Session) -> dict[str, Any]:
        """What every body says that shows a whole session."""
        return {
            "session_id": session.id,
            "summary": _summary(session),
            "answers": {id: AnswerOut.of(answer) for id, answer in session.shown.items()},
            "not_answered": [q.id for q in session.questions if q.id not in session.shown],
        }


@router.get(
    "/{session_id}/{question_id}",
    operation_id="getTranscriptionStatus",
    response_model=StatusOut,
    responses=NOT_MODIFIED
    | documented(errors.SessionNotFound, errors.QuestionNotFound, errors.AnswerNotFound, errors.RateLimited),
)
async def transcription_status(
    session_id: SessionPath,
    question_id: QuestionPath,
    response: Response,
    viewer: Asker,
    services: Needs,
    if_none_match: IfNoneMatch = None,
    segments: Annotated[bool, Query(description="Also give the segments with their word times.")] = False,
) -> StatusOut | Response:
    """The state of one answer, with its transcript once that is there."""
    _, answer = await services.interviews.answer(session_id, question_id, viewer)
    answer = await _as_it_arrives(answer, services)
    etag = weak(answer.take, answer.rev, answer.mark, f"{segments:d}", *_here(answer))
    wait = {"Retry-After": str(await services.eta.of_all())} if answer.is_pending else None
    if unchanged := marked(response, etag, if_none_match, wait):
        return unchanged
    heard = await services.records.transcript(answer.part_id) if segments else None
    if answer.is_cut:
        text = heard.text if heard else await services.records.text(answer.part_id)
        answer = answer if text is None else replace(answer, transcript=text, is_cut=False)
    said = None
    if segments:
        said = tuple(heard.segments if heard else await _so_far(answer, services))
    if said is None or len(said) <= MANY:
        return _out(answer, said)
    shown = await asyncio.to_thread(lambda: _out(answer, said).model_dump_json())
    return Response(shown, headers=response.headers, media_type="application/json")


def _out(answer: Answer, said: Iterable[Segment] | None) -> StatusOut:
    found = None if said is None else [SegmentOut.of(segment) for segment in said]
    return StatusOut(**AnswerOut.of(answer).model_dump(), segments=found)


async def _so_far(answer: Answer, services: Services) -> Iterable[Segment]:
    """Of two channels the first one's: it is the answer."""
    settled = await services.utterances.settled(answer.part_id) if answer.is_pending else []
    return segments_of([one for one in settled if not one.channel])


@router.get(
    "/{session_id}",
    operation_id="getSessionTranscriptionStatus",
    response_model=SessionStatusOut,
    responses=NOT_MODIFIED | documented(errors.SessionNotFound, errors.RateLimited),
)
async def session_status(
    session_id: SessionPath,
    response: Response,
    viewer: Asker,
    services: Needs,
    if_none_match: IfNoneMatch = None,
) -> SessionStatusOut | Response:
    """The states of all answers of a session, and their numbers."""
    session = await services.interviews.get(session_id, viewer)
    session = replace(session, live={id: await _as_it_arrives(one, services) for id, one in session.live.items()})
    if unchanged := marked(response, tag_of(session), if_none_match):
        return unchanged
    return SessionStatusOut(**SessionStatusOut.fields_of(session))


def tag_of(session: Session) -> str:
    """Changes with the answers, and with what is stored of their recordings, which is no event."""
    here = [second for answer in session.shown.values() for second in _here(answer)]
    return weak(session.revision, sum(answer.audio_stored for answer in session.shown.values()), *here)


def _here(answer: Answer) -> list[str]:
    """How much there is of what still arrives, which is no event either."""
    return [f"{answer.received_seconds:.0f}"] if answer.is_arriving else []


async def _as_it_arrives(answer: Answer, services: Services) -> Answer:
    """An answer that is still recorded, with as much of it as is here now."""
    if not answer.is_arriving:
        return answer
    received = max(answer.received_seconds or 0.0, await services.growing.seconds(answer.part_id))
    return replace(answer, received_seconds=received)


def _summary(session: Session) -> Summary:
    states = [answer.status for answer in session.shown.values()]
    return Summary(
        total=len(states),
        completed=states.count(Status.COMPLETED),
        processing=states.count(Status.PROCESSING),
        queued=states.count(Status.QUEUED),
        failed=states.count(Status.FAILED),
        questions=len(session.questions),
        not_answered=len(session.questions) - len(states),
    )
