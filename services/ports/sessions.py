"""What the use cases need from the documents that clients see."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.events import Event
from services.interview import Answer, Evaluation, Question, QuestionId, Session, SessionId, UserId, Viewer
from services.ports.elections import Election


@dataclass(frozen=True, slots=True)
class Take:
    """The number of a recording that is about to arrive, and what it answers.

    `since` is the newest election before it; where there is none, a majority has the number.
    """

    number: int
    question: Question
    owner: UserId
    since: Election | None


class Sessions(Protocol):
    """The documents that clients see."""

    async def create(self, session: Session) -> Session:
        """Keep a new session; SessionExists if the id is taken."""

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        """The session; SessionNotFound if it is absent or another user's."""

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        """Number the next recording; SessionNotFound or QuestionNotFound."""

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        """Show the answer unless a newer rev or take is shown already; False if it is a newer take.

        A failed take that is shown as failed already is no event, and makes no new revision.
        """

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        """Show the evaluation of a completed take that lacks one; False where it no longer fits."""

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        """Keep the result that was computed from this revision; False if the session has moved on."""


@dataclass(frozen=True, slots=True)
class News:
    """A session, and its events after a cursor, oldest first; None if these cannot be told any more."""

    session: Session
    events: tuple[Event, ...] | None


class Events(Protocol):
    """The events of sessions; each is kept in the same write as its change."""

    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        """What came after the event of this number, and the session as it then is; SessionNotFound."""

    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        """The number of the newest event of each of these sessions."""
