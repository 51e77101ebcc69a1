"""What operators see of the records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.interviews.listing import Place as Place
from services.interviews.model import Part, QuestionId, SessionId, Status, UserId


class Wait(StrEnum):
    """What an answer waits for."""

    UPLOADING = "uploading"
    QUEUED = "queued"
    PROCESSING = "processing"
    UNSETTLED = "unsettled"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A part that waits for too long: since when, and who worked on it last."""

    wait: Wait
    part: Part
    since: datetime | None
    seconds: float
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A part that failed, and whether no newer take of its answer was accepted since."""

    part: Part
    is_newest: bool

    @property
    def can_retry(self) -> bool:
        return self.part.keep_audio and self.is_newest


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSeen:
    question_id: QuestionId
    take: int
    status: Status
    code: str | None
    audio_stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    """A session in short: no transcript, no score."""

    id: SessionId
    user_id: UserId
    title: str | None
    created_at: datetime
    questions: int
    answers: tuple[AnswerSeen, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are in all; there are more where it is not exact."""

    number: int
    is_exact: bool


class Standing(StrEnum):
    """How a session stands; several may hold at once."""

    FAILED = "failed"
    PENDING = "pending"
    COMPLETED = "completed"
    UNANSWERED = "unanswered"


def stands(seen: SessionSeen, standing: Standing) -> bool:
    """Whether a session stands so."""
    states = [answer.status for answer in seen.answers]
    match standing:
        case Standing.FAILED:
            return Status.FAILED in states
        case Standing.PENDING:
            return Status.QUEUED in states or Status.PROCESSING in states
        case Standing.COMPLETED:
            return states.count(Status.COMPLETED) == seen.questions
        case Standing.UNANSWERED:
            return len(states) < seen.questions


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Sessions of this id or this user, or whose title begins so; that stand so; made from then on, and before then."""

    sought: str | None = None
    standing: Standing | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """Sessions, newest first. A page may be short, or empty, and others follow: each looks only so far."""

    sessions: list[SessionSeen]
    next: Place | None
    total: Total | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFilter:
    """Failures for this reason, of this user, from then on and before then, or only what can be retried."""

    code: str | None = None
    user_id: UserId | None = None
    since: datetime | None = None
    until: datetime | None = None
    can_retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePage:
    """Failures, newest first; a page of those that can be retried may be short, and others follow."""

    failed: list[Ended]
    next: Place | None
    total: Total | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What ended lately: how many were completed within so many minutes, and which codes failed."""

    completed: Mapping[int, int]
    failed_in_hour: Mapping[str, int]
    failed_in_day: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What one collection holds; `disk_bytes` is what it takes on disk, without indexes."""

    documents: int
    bytes: int
    disk_bytes: int


class Views(Protocol):
    """Single answers and sums, to be looked at. Each look is bounded and goes by an index."""

    async def sessions(self, wanted: SessionFilter, before: Place | None, limit: int) -> SessionPage:
        """Those that are wanted, newest first; small and capital letters of a title are alike."""

    async def stuck(self, seconds: float, limit: int) -> list[Stuck]:
        """Of each kind of waiting the parts that have waited longest, if for so many seconds."""

    async def count_stuck(self, seconds: float, most: int) -> dict[Wait, int]:
        """How many `stuck` would find without its limit; counts no further than `most`."""

    async def failed(self, wanted: FailureFilter, before: Place | None, limit: int) -> FailurePage:
        """What failed, newest first."""

    async def recent(self) -> Recent: ...

    async def stored(self) -> Mapping[str, Stored]:
        """What the audio takes, as `files` and `chunks`."""
