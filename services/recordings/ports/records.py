"""What the use cases need from the records of parts.

Times are the store's own, so that no two clocks need to agree. A method that
changes a record returns the record as it then is, or None where the record had
moved on and nothing was written.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from services.interviews.model import Part, PartId, QuestionId, SessionId, UserId
from services.interviews.transcript import Transcript
from services.recordings.ports.audio import Deletion


class Uploads(Protocol):
    """The records of recordings that are arriving."""

    async def begin(self, part: Part) -> None:
        """Keep the record before the first byte of its audio; StoreUnavailable where `abort` was first."""

    async def queue(self, part: Part) -> Part | None:
        """Keep the record of a recording that is stored already, as queued.

        None, and nothing is kept, where `abort` was first. If the same recording waits or is in work already it is
        that other part, as in `accept`.
        """

    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        """Say that these still arrive; those of them that were given up by the sweep."""

    async def accept(
        self, id: PartId, sha256: str, size: int, seconds: float = 0.0, epoch: str | None = None
    ) -> Part | None:
        """uploading -> queued, with the estimate of its seconds and the epoch of its key.

        If the same recording of the same answer waits or is in work already, this
        upload stays as it is, and the answer is that other part: its take is
        raised to this one's, so that it counts as the newest recording.
        """

    async def abort(self, id: PartId, part: Part | None = None) -> Part | None:
        """uploading -> aborted. Where nothing was begun or queued yet, nothing will be: the id is kept as
        aborted, with what is known of its part."""

    async def stop(self, id: PartId) -> Part | None:
        """uploading -> aborted, of what is there: nothing is kept of what is not."""

    async def withdraw(self, id: PartId) -> Part | None:
        """queued -> aborted, where it turns out that its audio is not there."""

    async def supersede(self, session_id: SessionId, question_id: QuestionId, take: int) -> list[Part]:
        """End what waits or is in work of the takes before this one."""


class Records(Protocol):
    """The records, to be read."""

    async def get(self, id: PartId) -> Part | None: ...

    async def transcript(self, id: PartId) -> Transcript | None:
        """The full transcript of a completed part, with its segments."""

    async def text(self, id: PartId) -> str | None:
        """All that is said in a completed part."""

    async def of_session(self, id: SessionId) -> list[PartId]:
        """Everything that is recorded of a session, whatever became of it."""

    async def unplaced(self, user_id: UserId, until: datetime) -> list[PartId]:
        """What this user began until then that answers nothing yet, whatever became of it."""

    async def forget(self, id: PartId, *, is_over: bool = False) -> bool:
        """Let go of a record, and so of its transcript; False where its audio may still be arriving.

        Whoever took it in himself knows that this is over.

        Who works on it is shut out, and no state of it is shown any more: for what is erased.
        """

    async def newest_takes(self, session_id: SessionId) -> dict[QuestionId, int]:
        """Of each question the newest take that is arriving or was accepted."""


class Closings(Protocol):
    """The last writes to an ended record."""

    async def settle(
        self, id: PartId, rev: int, deletion: Deletion | None, *, has_receipt: bool = False, is_scored: bool = False
    ) -> bool:
        """Nothing remains to be done for this state; notes the deletion of the audio, and counts the first end.

        Nothing remains to be scored either, if it is said to be.
        With the first deletion that is noted its receipt is counted.
        """
