"""The lists that operators are shown, as JSON: sessions, stuck and failed recordings, and what was done by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from routes.answer_schemas import FailureOut
from services.interviews.model import Part, PartState
from services.operations.ports.audit_log import Action, Entry, Outcome
from services.operations.ports.views import Ended, Place, SessionSeen, Stuck, Wait

PLACE_PATTERN = r"^[0-9]{1,14}-[0-9a-f]{24}$"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names; its form is checked by PLACE_PATTERN."""
    if cursor is None:
        return None
    milliseconds, _, id = cursor.partition("-")
    return Place(EPOCH + timedelta(milliseconds=int(milliseconds)), id)


def cursor_of(at: datetime | None, id: str) -> str:
    return f"{((at or EPOCH) - EPOCH) // timedelta(milliseconds=1)}-{id}"


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


class SessionsSeenOut(BaseModel):
    sessions: list[SessionSeenOut]


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


class FailedOut(PartOut):
    """A recording that failed. `can_retry`: its audio is kept, and no newer take was accepted."""

    failed_at: datetime | None
    audio_kept: bool
    can_retry: bool

    @classmethod
    def of(cls, ended: Ended) -> "FailedOut":
        kept = ended.part.keep_audio
        return cls(
            **part_fields(ended.part),
            failed_at=ended.part.completed_at,
            audio_kept=kept,
            can_retry=kept and ended.is_newest,
        )


class FailedListOut(BaseModel):
    failed: list[FailedOut]
    next: str | None = Field(description="Send it as `before` for the page after this one; null on the last.")

    @classmethod
    def of(cls, found: list[Ended], limit: int) -> "FailedListOut":
        last = found[-1].part if len(found) == limit else None
        next = cursor_of(last.completed_at, last.id) if last else None
        return cls(failed=[FailedOut.of(ended) for ended in found], next=next)


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
        next = cursor_of(found[-1].at, found[-1].id) if len(found) == limit else None
        return cls(entries=[EntryOut.of(entry) for entry in found], next=next)
