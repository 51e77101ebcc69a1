"""What happened to a session, one numbered event for each change that a client can see."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.interview import QuestionId, SessionId, Status
from services.transcript import Verdict

MOST_KEPT = 500


class EventType(StrEnum):
    QUEUED = "answer.queued"
    PROCESSING = "answer.processing"
    COMPLETED = "answer.completed"
    FAILED = "answer.failed"
    SCORED = "answer.scored"
    ANALYZED = "session.analyzed"


SHOWN_AS = {
    Status.QUEUED: EventType.QUEUED,
    Status.PROCESSING: EventType.PROCESSING,
    Status.COMPLETED: EventType.COMPLETED,
    Status.FAILED: EventType.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change. Numbers start with 1 and have no gaps within a session; an analysis concerns no single answer.

    A verdict comes with what completes an answer.
    """

    number: int
    type: EventType
    session_id: SessionId
    at: datetime
    question_id: QuestionId | None = None
    take: int | None = None
    status: Status | None = None
    verdict: Verdict | None = None
