"""What waits to be transcribed, and how fast it goes."""

from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import SessionId, UserId


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
