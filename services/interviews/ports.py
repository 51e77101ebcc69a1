"""What interviews need from outside: the documents that clients see, the store's elections, quotas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from services.interviews.model import Answer, Evaluation, Part, Question, QuestionId, Session, SessionId, UserId, Viewer
from services.interviews.spoken import Spoken

Election = NewType("Election", object)


class Elections(Protocol):
    """A write that only the primary has confirmed is lost where another is elected before a majority has it.

    Where none was, it is as safe as the newest write that a majority has confirmed: the log is copied in order.
    """

    def none_since(self, last: Election | None) -> bool:
        """Whether all that was written since this election went to its primary; False where that is not known."""


@dataclass(frozen=True, slots=True)
class Take:
    """The number of a recording that is about to arrive, what it answers, and when it was given by the store's clock.

    `since` is the newest election before it; where there is none, a majority has the number.
    """

    number: int
    question: Question
    owner: UserId
    at: datetime
    since: Election | None


class Sessions(Protocol):
    """The documents that clients see."""

    async def create(self, session: Session) -> Session:
        """Keep a new session; SessionExists if the id is taken, SessionErased if it was."""

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        """The session; SessionNotFound if it is absent or another user's, SessionErased if it was his."""

    async def question(self, id: SessionId, question_id: QuestionId) -> Question | None:
        """What was asked, if that is there; nothing else of the session is read."""

    async def is_erased(self, id: SessionId) -> bool:
        """Whether it was erased, so that nothing of it may stay that comes late."""

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        """Number the next recording; SessionNotFound, SessionErased or QuestionNotFound."""

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        """Show the answer unless a newer rev or take is shown already; False if it is a newer take.

        One that is evaluated is shown with its score in the same write, as two events; where it shows already, its
        score is written if it lacks one.
        A failed take that is shown as failed already is no event, and makes no new revision.
        """

    async def tell(self, part: Part, spoken: Sequence[Spoken]) -> int | None:
        """Tell utterances that follow each other as events, and how far the part is, in one write.

        How many of it are told then: fewer than these where some before them are not, and then none of these is. None
        where a newer take is shown, or it has ended.
        """

    async def unsay(self, part: Part) -> bool:
        """Nothing that was said in this part is shown any more, also of what was told, and nothing will be told.

        A part that is dropped is an event, where something of it was told. Whether anything changed.
        """

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        """Show the evaluation of a completed take that lacks one; False where it no longer fits."""

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        """Keep the result that was computed from this revision; False if the session has moved on."""


class Quotas(Protocol):
    """How much each user has stored."""

    async def take(self, user_id: UserId, size: int, most: int) -> bool:
        """Count so many bytes more, unless that would be over the most; whether they were counted."""

    async def give_back(self, user_id: UserId, size: int) -> None:
        """Count them no more: nothing was stored."""
