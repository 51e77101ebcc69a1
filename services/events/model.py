"""What happens to a session: numbered events, one for each change that a client can see, and the ends of its work."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.interviews.model import CallId, CallSide, Part, QuestionId, Session, SessionId, Status
from services.interviews.spoken import Spoken
from services.interviews.transcript import Transcript, Verdict

MOST_KEPT = 500


class EventType(StrEnum):
    QUEUED = "answer.queued"
    PROCESSING = "answer.processing"
    COMPLETED = "answer.completed"
    FAILED = "answer.failed"
    SCORED = "answer.scored"
    DROPPED = "answer.dropped"
    UTTERANCE = "utterance"
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

    A verdict comes with what completes an answer, and with an utterance what was said. Of a call both sides are told,
    each as such.
    """

    number: int
    type: EventType
    session_id: SessionId
    at: datetime
    question_id: QuestionId | None = None
    take: int | None = None
    status: Status | None = None
    verdict: Verdict | None = None
    call_id: CallId | None = None
    side: CallSide | None = None
    spoken: Spoken | None = None

    @property
    def unsaid(self) -> "Event":
        """The same without its words."""
        return self if self.spoken is None else replace(self, spoken=replace(self.spoken, text="", is_cut=False))


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    """A recording came to its end, which shows; `transcript` where it was completed, `receipt` where it is gone."""

    part: Part
    transcript: Transcript | None = None
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class SessionAnalyzed:
    """The scores of this revision of a session were computed."""

    session: Session


@dataclass(frozen=True, slots=True)
class AnswerHeard:
    """A stretch of a recording was listened to, whose end is not yet."""

    part: Part
    spoken: Spoken


Conclusion = AnswerEnded | AnswerHeard | SessionAnalyzed
