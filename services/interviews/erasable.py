"""What is to be forgotten: of one session, or of a user; each room forgets what it keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from services.interviews.model import SessionId, UserId

ErasureId = NewType("ErasureId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSession:
    """A session that is gone from sight. Whose it was, its title and its size are told as far as they are known."""

    erasure: ErasureId
    session_id: SessionId
    user_id: UserId | None = None
    title: str | None = None
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfUser:
    """What a user has beside his sessions; what he makes after `until` is not meant."""

    erasure: ErasureId
    user_id: UserId
    until: datetime


Subject = OfSession | OfUser


class Erasable(Protocol):
    """A place where something of a session or a user is kept."""

    async def found(self, subject: Subject) -> Mapping[str, int]:
        """How much of it is here now, by kind; what is not here is not named."""

    async def erase(self, subject: Subject) -> int:
        """Let go of it, and say how much has to stay for a while. May be repeated at any time."""
