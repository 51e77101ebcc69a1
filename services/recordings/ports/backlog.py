"""What waits to be transcribed, and how fast it goes."""

from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import SessionId, UserId


@dataclass(frozen=True, slots=True)
class Pace:
    """How many parts are worked on at once, and how long one took lately."""

    slots: int
    seconds_each: float


class Backlog(Protocol):
    async def ahead(self, session_id: SessionId | None) -> int:
        """How many stand before the session's last pending answer, with it; None: all that wait or are in work."""

    async def pace(self) -> Pace:
        """How fast it goes."""

    async def queued_seconds(self, user_id: UserId) -> float:
        """The estimated seconds of a user's recordings that wait or are in work."""
