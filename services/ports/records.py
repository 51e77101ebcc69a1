"""What the use cases need from the records of parts.

Times are the store's own, so that no two clocks need to agree. A method that
changes a record returns the record as it then is, or None where the record had
moved on and nothing was written.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from services.interview import Failure, Part, PartId, QuestionId, SessionId, UserId
from services.ports.audio import Deletion
from services.transcript import Transcript


class Uploads(Protocol):
    """The records of recordings that are arriving."""

    async def begin(self, part: Part) -> None:
        """Keep the record before the first byte of its audio."""

    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        """Say that these still arrive; those of them that were given up by the sweep."""

    async def accept(self, id: PartId, sha256: str, size: int, seconds: float = 0.0) -> Part | None:
        """uploading -> queued, with the estimate of its seconds.

        If the same recording of the same answer waits or is in work already, this
        upload stays as it is, and the answer is that other part: its take is
        raised to this one's, so that it counts as the newest recording.
        """

    async def abort(self, id: PartId) -> Part | None:
        """uploading -> aborted."""

    async def withdraw(self, id: PartId) -> Part | None:
        """queued -> aborted, where it turns out that its audio is not there."""

    async def supersede(self, session_id: SessionId, question_id: QuestionId, take: int) -> list[Part]:
        """End what waits or is in work of the takes before this one."""


class Claims(Protocol):
    """The records as a worker sees them. Each write but the claim is fenced."""

    async def claim(self, id: PartId, owner: str) -> Part | None:
        """Take a part that is due, or whose worker fell silent; raises fence and deliveries."""

    async def beat(self, id: PartId, fence: int) -> bool:
        """Keep the claim; False if it is lost."""

    async def complete(self, id: PartId, fence: int, transcript: Transcript) -> Part | None:
        """processing -> completed, with the transcript, in one write."""

    async def again(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        """processing -> queued, due after so many seconds."""

    async def wait(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        """processing -> queued, due after so many seconds, which are added up; the delivery does not count."""

    async def release(self, id: PartId, fence: int) -> Part | None:
        """processing -> queued at once; the delivery does not count."""

    async def fail(self, id: PartId, fence: int, failure: Failure, *, keep_audio: bool) -> Part | None:
        """processing -> failed."""


class Records(Protocol):
    """The records, to be read."""

    async def get(self, id: PartId) -> Part | None: ...

    async def transcript(self, id: PartId) -> Transcript | None:
        """The full transcript of a completed part, with its segments."""

    async def newest_takes(self, session_id: SessionId) -> dict[QuestionId, int]:
        """Of each question the newest take that is arriving or was accepted."""


@dataclass(frozen=True, slots=True)
class ScoringClaim:
    """The n-th claim on scoring a part, and what came of those before: failures, and seconds of waiting."""

    number: int
    failures: int = 0
    waited_seconds: float = 0.0


class Closings(Protocol):
    """The last writes to an ended record."""

    async def settle(self, id: PartId, rev: int, deletion: Deletion | None) -> bool:
        """Nothing remains to be done for this state; notes the deletion of the audio."""

    async def claim_scoring(self, id: PartId, seconds: float) -> ScoringClaim | None:
        """Take what is to be scored, for so many seconds; None where nothing is, it is not due, or another has it."""

    async def scored(self, id: PartId) -> None:
        """Nothing remains to be scored."""

    async def score_again(self, id: PartId, claim: ScoringClaim, delay: float, *, failed: bool = True) -> None:
        """Scoring failed, or only had to wait; due again after so many seconds. Fenced by the claim."""

    async def rescore(self, id: PartId) -> bool:
        """Have a completed part scored anew, at once; False if it is to be scored already, or is not completed."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much stands before a session's last pending answer, and how fast it goes."""

    ahead: int
    slots: int
    seconds_each: float


class Backlog(Protocol):
    async def load(self, session_id: SessionId | None) -> Load:
        """What stands before the session's last pending answer; None: all that waits."""

    async def queued_seconds(self, user_id: UserId) -> float:
        """The estimated seconds of a user's recordings that wait or are in work."""
