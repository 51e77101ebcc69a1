"""What is being said right now: behind what is settled of a recording, for who listens at this moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import CallId, CallSide, PartId, QuestionId, SessionId

MOST_INTERIM_BYTES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim:
    """A first reading of what will be utterance `index` and may come to be others; each is in place of the one before.

    Of a call each side is read apart, and told as such.
    It is kept nowhere, and nothing rests on it.
    """

    session_id: SessionId
    question_id: QuestionId
    take: int
    index: int
    start: float
    end: float
    text: str
    call_id: CallId | None = None
    side: CallSide | None = None

    def is_behind(self, other: "Interim") -> bool:
        """Whether it is of the same recording, and an earlier reading."""
        if (self.question_id, self.take, self.side) != (other.question_id, other.take, other.side):
            return False
        return (self.index, self.end) < (other.index, other.end)


class InterimTexts(Protocol):
    """The way from the worker that reads to every process in which somebody listens; any of it may be lost."""

    async def take(self, id: PartId) -> bool:
        """Whether this recording is the caller's to read, for a moment; False where another reads it."""

    async def say(self, interim: Interim) -> None:
        """Tell it to all that hear at the moment; never fails."""

    async def listen(self, heard: Callable[[Interim], None]) -> None:
        """Pass on what any worker says, for ever."""
