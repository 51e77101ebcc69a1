"""Making an interview session, and looking at it."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, Field, model_validator

from routes import idempotency
from routes.answer_schemas import AnswerOut
from routes.body_bounds import FIRST_FAULT, Bounded, at_most
from routes.dependencies import Asker, Needs, Services, SessionPath
from routes.errors import documented
from routes.prefix import here
from routes.revalidation import NOT_MODIFIED, IfNoneMatch, marked
from routes.statuses import tag_of
from services import errors
from services.interviews.language import LONGEST_TAG, Language, parse
from services.interviews.model import (
    ID_PATTERN,
    KeyPoint,
    Question,
    QuestionId,
    Session,
    SessionId,
    Viewer,
    new_session_id,
)

router = APIRouter(prefix="/api/sessions", tags=["sessions"], route_class=idempotency.Once)

MOST_QUESTIONS = 200
MOST_POINTS = 50
MOST_POINTS_IN_ALL = 1000

Text = Annotated[str, Field(min_length=1, max_length=4000)]
LanguageIn = Annotated[
    Language,
    Field(max_length=LONGEST_TAG, examples=["en", "pt-BR", "deu"], description="A code of ISO 639, or a tag with one."),
    AfterValidator(parse),
]
Languages = Annotated[list[LanguageIn], FIRST_FAULT, at_most(20), Field(max_length=20, examples=[["en", "de"]])]


class KeyPointIn(Bounded):
    text: Text
    weight: float = Field(1.0, gt=0, le=1000)


class QuestionIn(Bounded):
    """One question; what a good answer says is given by `key_points`."""

    id: str = Field(pattern=ID_PATTERN, examples=["q1"])
    text: Text = Field(examples=["What does a database index do?"])
    reference_answer: Text | None = None
    language: LanguageIn | None = Field(None, description="What is spoken; beside `languages`, the likeliest of them.")
    languages: Languages = Field([], description="What may be spoken, to choose among; else the session's.")
    key_points: Annotated[list[Text | KeyPointIn], FIRST_FAULT, at_most(MOST_POINTS)] = Field(
        [], max_length=MOST_POINTS, examples=[["avoids a full table scan"]]
    )
    channels: Literal[1, 2] = Field(
        1, description="2: recordings have who answers on the left channel and who asks on the right, never mixed."
    )

    def to_question(self, languages: list[Language]) -> Question:
        several = tuple(dict.fromkeys(self.languages or languages))
        points = (KeyPoint(p) if isinstance(p, str) else KeyPoint(p.text, p.weight) for p in self.key_points)
        return Question(
            id=QuestionId(self.id),
            text=self.text,
            reference_answer=self.reference_answer,
            key_points=tuple(points),
            language=several[0] if len(several) == 1 else self.language,
            languages=several if len(several) > 1 else (),
            channels=self.channels,
        )


class SessionIn(Bounded):
    questions: Annotated[list[QuestionIn], at_most(MOST_QUESTIONS)] = Field(min_length=1, max_length=MOST_QUESTIONS)
    title: str | None = Field(None, max_length=200)
    languages: Languages = Field([], description="What may be spoken in answers to questions that do not say it.")

    @model_validator(mode="after")
    def _fits(self) -> "SessionIn":
        if len({q.id for q in self.questions}) < len(self.questions):
            raise ValueError("two questions have the same id")
        if sum(len(q.key_points) for q in self.questions) > MOST_POINTS_IN_ALL:
            raise ValueError(f"the questions have more than {MOST_POINTS_IN_ALL} key points in all")
        return self

    @model_validator(mode="after")
    def _languages_agree(self) -> "SessionIn":
        for question in self.questions:
            several = question.languages or self.languages
            if several and question.language and question.language not in several:
                raise ValueError(
                    f"question '{question.id}' has the language '{question.language}', which is none of "
                    f"its languages {several}. Add it to them, or give the question `languages` of its own."
                )
        return self

    def to_questions(self) -> tuple[Question, ...]:
        return tuple(question.to_question(self.languages) for question in self.questions)


class QuestionOut(BaseModel):
    id: str
    text: str
    reference_answer: str | None
    key_points: list[KeyPointIn]
    language: str | None
    languages: list[str] = Field(description="What may be spoken, where that is to be found out.")
    channels: int = Field(description="How many channels of a recording are transcribed apart.")

    @classmethod
    def of(cls, question: Question) -> "QuestionOut":
        return cls(
            id=question.id,
            text=question.text,
            reference_answer=question.reference_answer,
            key_points=[KeyPointIn(text=p.text, weight=p.weight) for p in question.key_points],
            language=question.language,
            languages=list(question.languages),
            channels=question.channels,
        )


class SessionOut(BaseModel):
    """A session with its questions and, for each question that has one, its answer."""

    session_id: str
    user_id: str
    title: str | None
    created_at: datetime | None
    questions: list[QuestionOut]
    answers: dict[str, AnswerOut]

    @classmethod
    def of(cls, session: Session) -> "SessionOut":
        return cls(
            session_id=session.id,
            user_id=session.user_id,
            title=session.title,
            created_at=session.created_at,
            questions=[QuestionOut.of(q) for q in session.questions],
            answers={id: AnswerOut.of(answer) for id, answer in session.shown.items()},
        )


@router.post(
    "",
    status_code=201,
    operation_id="createSession",
    dependencies=[idempotency.takes_key],
    responses=documented(
        errors.QuotaUsedUp,
        errors.BodyTooLarge,
        errors.BodyStalled,
        errors.TooManyBodies,
        errors.BodiesSaturated,
        errors.StoreUnavailable,
        errors.RateLimited,
        *idempotency.PROBLEMS,
    ),
)
async def create_session(
    body: SessionIn, request: Request, response: Response, viewer: Asker, services: Needs
) -> SessionOut:
    """Create an interview session with its questions; it belongs to the token's user."""
    idempotency.makes_again(request)
    session = await _made(body, request, viewer, services)
    response.headers["Location"] = here(request, f"/api/sessions/{session.id}")
    return SessionOut.of(session)


async def _made(body: SessionIn, request: Request, viewer: Viewer, services: Services) -> Session:
    """A new session, or the one that this request has made before, as it was then."""
    kept, hold = idempotency.kept_of(request), idempotency.hold_of(request)
    if kept is not None and kept.made is not None:
        return replace(await services.interviews.get(SessionId(kept.made), viewer), answers={})
    return await services.interviews.create(
        Session(
            id=SessionId(hold.made_id) if hold else new_session_id(),
            user_id=viewer.user_id,
            title=body.title,
            questions=body.to_questions(),
        ),
        viewer,
        len(await request.body()),
    )


@router.get(
    "/{session_id}",
    operation_id="getSession",
    response_model=SessionOut,
    responses=NOT_MODIFIED | documented(errors.SessionNotFound),
)
async def get_session(
    session_id: SessionPath, response: Response, viewer: Asker, services: Needs, if_none_match: IfNoneMatch = None
) -> SessionOut | Response:
    """The session, its questions, and the answers so far."""
    session = await services.interviews.get(session_id, viewer)
    return marked(response, tag_of(session), if_none_match) or SessionOut.of(session)
