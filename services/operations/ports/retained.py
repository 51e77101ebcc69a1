"""Records that are kept for a time."""

from enum import StrEnum
from typing import Protocol

from services.interviews.model import SessionId


class RecordKind(StrEnum):
    """What is kept, and from when its time runs."""

    SESSIONS = "sessions"  # made, or the last event told
    RECORDINGS = "recordings"  # their records, with the transcripts and word times: ended
    EVENTS = "events"  # told
    DELIVERIES = "deliveries"  # recorded
    AUDIT = "audit"  # noted


class Retained(Protocol):
    """Each look goes by an index and is bounded; what belongs to a held session is passed over."""

    async def sessions(self, seconds: float, limit: int) -> list[SessionId]:
        """Those to which nothing has happened for so long, the longest first."""

    async def remove(self, kind: RecordKind, seconds: float, limit: int) -> int:
        """Remove what is so old, of at most so many documents; how many records went.

        Of recordings only those with which nothing is to be done any more, and whose audio is gone.
        """

    async def count(self, kind: RecordKind, seconds: float, limit: int) -> int:
        """How many documents `remove` or `sessions` would find."""
