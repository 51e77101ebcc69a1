"""What the operators see of single answers, what they may do to them, and the log of what they did."""

from typing import Protocol

from services.interviews.model import Failure, Part, PartId, QuestionId, SessionId


class Interventions(Protocol):
    """The records, as operators may change them; each change is one write, or none."""

    async def newest(self, session_id: SessionId, question_id: QuestionId) -> Part | None:
        """The newest take that was accepted, whatever became of it."""

    async def retry(self, id: PartId) -> Part | None:
        """failed -> queued, due at once and with all its deliveries, if its audio is kept.

        None where it has not failed or nothing is kept; SameInWork if the same
        recording of the same answer waits or is in work as another take.
        """

    async def fail(self, id: PartId, failure: Failure) -> Part | None:
        """queued, processing -> failed, audio kept; who worked on it is shut out."""
