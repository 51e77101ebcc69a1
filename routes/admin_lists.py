"""The lists that operators are shown, as JSON: sessions, stuck and failed recordings, and what was done by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from routes.answer_schemas import FailureOut
from services.interviews.model import Part, PartState
from services.operations.ports.audit_log import Action, Entry, Outcome
from services.operations.ports.views import Place, SessionPage, SessionSeen, Stuck, Total, Wait

PLACE_PATTERN = r"^[0-9]{1,14}-[A-Za-z0-9_-]{1,64}$"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names; its form is checked by PLACE_PATTERN."""
    if cursor is None:
        return None
    milliseconds, _, id = cursor.partition("-")
    return Place(EPOCH + timedelta(milliseconds=int(milliseconds)), id)


def cursor_of(place: Place) -> str:
    return f"{(place.at - EPOCH) // timedelta(milliseconds=1)}-{place.id}"


class AnswerSeenOut(BaseModel):
    question_id: str
    take: int
    status: str
    code: str | None = Field(description="Of a failed one: the code of the reason.")
    audio_stored: bool


class SessionSeenOut(BaseModel):
    """A session in short; `GET /api/sessions/{session_id}` shows an admin the whole."""

    session_id: str
    user_id: str
    title: str | None
    created_at: datetime
    questions: int
    answers: list[AnswerSeenOut]

    @classmethod
    def of(cls, seen: SessionSeen) -> "SessionSeenOut":
        answers = [
            AnswerSeenOut(
                question_id=a.question_id, take=a.take, status=a.status, code=a.code, audio_stored=a.audio_stored
            )
            for a in seen.answers
        ]
        return cls(
            session_id=seen.id,
            user_id=seen.user_id,
            title=seen.title,
            created_at=seen.created_at,
            questions=seen.questions,
            answers=answers,
        )


class TotalOut(BaseModel):
    """How many there are in all; there are more where it is not exact."""

    number: int
    is_exact: bool

    @classmethod
    def of(cls, total: Total | None) -> "TotalOut | None":
        return None if total is None else cls(number=total.number, is_exact=total.is_exact)


TOTAL = Field(description="In all, of whatever page; null where that is not counted.")
NEXT = Field(description="Send it as `before` for the page after this one; null on the last.")


class SessionsSeenOut(BaseModel):
    """Sessions, newest first. A page may hold fewer than were asked for, even none, while `next` leads on."""

    sessions: list[SessionSeenOut]
    next: str | None = NEXT
    total: TotalOut | None = TOTAL

    @classmethod
    def of(cls, page: SessionPage) -> "SessionsSeenOut":
        sessions = [SessionSeenOut.of(seen) for seen in page.sessions]
        return cls(sessions=sessions, next=page.next and cursor_of(page.next), total=TotalOut.of(page.total))


class PartOut(BaseModel):
    """One recording, as its record says."""

    session_id: str
    question_id: str
    take: int
    file_id: str
    user_id: str
    state: PartState
    bytes: int
    deliveries: int = Field(description="How often a worker took it since it was accepted, or retried.")
    retries: int
    error: FailureOut | None = Field(description="The last trouble that was met with it.")


def part_fields(part: Part) -> dict[str, Any]:
    failure = part.failure
    return {
        "session_id": part.session_id,
        "question_id": part.question_id,
        "take": part.take,
        "file_id": part.id,
        "user_id": part.user_id,
        "state": part.state,
        "bytes": part.bytes,
        "deliveries": part.deliveries,
        "retries": part.retries,
        "error": FailureOut(code=failure.code, sentence=failure.sentence) if failure else None,
    }


class StuckOut(PartOut):
    """A recording that waits for too long. `can_fail`: an operator may end it."""

    wait: Wait
    since: datetime | None
    seconds: float
    owner: str | None = Field(description="The worker that has it, or had it last.")
    can_fail: bool

    @classmethod
    def of(cls, stuck: Stuck) -> "StuckOut":
        return cls(
            **part_fields(stuck.part),
            wait=stuck.wait,
            since=stuck.since,
            seconds=stuck.seconds,
            owner=stuck.owner,
            can_fail=stuck.wait in (Wait.QUEUED, Wait.PROCESSING),
        )


class StuckListOut(BaseModel):
    seconds: int
    stuck: list[StuckOut]


class EntryOut(BaseModel):
    """What an operator did. No outcome: the process ended before it was known; look at the answer itself."""

    id: str
    at: datetime
    who: str
    action: Action
    on: dict[str, Any]
    reason: str | None
    before: dict[str, Any]
    outcome: Outcome | None
    after: dict[str, Any] | None
    ended_at: datetime | None
    request_id: str

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        deed = entry.deed
        return cls(
            id=entry.id,
            at=entry.at,
            who=deed.who,
            action=deed.action,
            on=dict(deed.on),
            reason=deed.reason,
            before=dict(deed.before),
            outcome=entry.outcome,
            after=None if entry.after is None else dict(entry.after),
            ended_at=entry.ended_at,
            request_id=deed.request_id,
        )


class AuditOut(BaseModel):
    entries: list[EntryOut]
    next: str | None = Field(description="Send it as `before` for the page after this one; null on the last.")

    @classmethod
    def of(cls, found: list[Entry], limit: int) -> "AuditOut":
        next = cursor_of(Place(found[-1].at, found[-1].id)) if len(found) == limit else None
        return cls(entries=[EntryOut.of(entry) for entry in found], next=next)
