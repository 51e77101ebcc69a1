"""A user's sessions in short, newest first: what one looks through to find a session."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.interviews.model import QuestionId, SessionId, Status, UserId

MOST_LISTED = 100


class Progress(StrEnum):
    """How far an interview is; what failed counts as answered."""

    EMPTY = "empty"
    PENDING = "pending"
    PARTIAL = "partial"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a page of what is listed newest first ended."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Made at this time or after it, and before that one."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A session without its texts."""

    id: SessionId
    title: str | None
    created_at: datetime
    revision: int
    questions: int
    answers: Mapping[QuestionId, Status]

    @property
    def progress(self) -> Progress:
        if not self.answers:
            return Progress.EMPTY
        if any(status in (Status.QUEUED, Status.PROCESSING) for status in self.answers.values()):
            return Progress.PENDING
        return Progress.COMPLETE if len(self.answers) >= self.questions else Progress.PARTIAL


@dataclass(frozen=True, slots=True)
class Page:
    """Those asked for among the sessions that were looked at, and where that ended; None where there are no more."""

    sessions: tuple[Listed, ...]
    ended: Place | None


class SessionLists(Protocol):
    async def page(self, user_id: UserId, span: Span, before: Place | None, limit: int) -> list[Listed]:
        """A user's own sessions of that time, newest first, from after that place on."""


@dataclass(frozen=True, slots=True)
class Listing:
    lists: SessionLists

    async def page(
        self, user_id: UserId, span: Span, progress: Progress | None, before: Place | None, limit: int
    ) -> Page:
        """Looks at `limit` sessions and no more: with a progress, a page may hold fewer than there are."""
        seen = await self.lists.page(user_id, span, before, limit)
        last = Place(seen[-1].created_at, seen[-1].id) if len(seen) == limit else None
        return Page(tuple(one for one in seen if progress in (None, one.progress)), last)
