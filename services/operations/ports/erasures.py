"""The journal of erasures: what was asked to be forgotten, and how far that is. It holds no personal words of its own.

Whose it is stands in it as a salted sum, so that its owner can be told, and so that the journal can be applied to a
store that came back from a backup. While an erasure is under way the entry also says whose it is, to be carried on.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.interviews.erasable import ErasureId, OfSession, OfUser, Subject
from services.interviews.model import SessionId, UserId, Viewer


class Cause(StrEnum):
    """Who wanted it."""

    OWNER = "owner"
    ADMIN = "admin"
    RETENTION = "retention"


class State(StrEnum):
    RUNNING = "running"
    DONE = "done"


class Waits(StrEnum):
    """What an erasure that is not done waits for."""

    UPLOADS = "uploads"
    SESSIONS = "sessions"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose it was, told only to who knows."""

    salt: str
    digest: str

    @classmethod
    def of(cls, user_id: UserId, salt: str) -> "Owner":
        return cls(salt, hashlib.sha256(f"{salt}\0{user_id}".encode()).hexdigest())

    def is_of(self, user_id: UserId) -> bool:
        return Owner.of(user_id, self.salt) == self


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One entry. `session_id` is None where it is about a user; `found` counts what was there, by kind."""

    id: ErasureId
    owner: Owner
    cause: Cause
    asked_at: datetime
    session_id: SessionId | None = None
    rule: str | None = None
    parent: ErasureId | None = None
    state: State = State.RUNNING
    done_at: datetime | None = None
    waits: Waits | None = None
    found: Mapping[str, int] = field(default_factory=dict)
    user_id: UserId | None = None
    title: str | None = None
    size: int = 0
    is_told: bool = False

    @property
    def is_done(self) -> bool:
        return self.state is State.DONE

    @property
    def is_over(self) -> bool:
        """Done, told to all who want to know, and whose it was forgotten."""
        return self.is_done and self.is_told

    def concerns(self, viewer: Viewer) -> bool:
        return viewer.is_admin or self.owner.is_of(viewer.user_id)

    @property
    def subject(self) -> Subject | None:
        """None for a user's that is over: who it was is not known any more."""
        if self.session_id is not None:
            return OfSession(
                erasure=self.id,
                session_id=self.session_id,
                user_id=self.user_id,
                title=self.title,
                size=self.size,
            )
        if self.user_id is None:
            return None
        return OfUser(erasure=self.id, user_id=self.user_id, until=self.asked_at)


class Erasures(Protocol):
    """The journal. Each write is confirmed by a majority."""

    async def get(self, id: ErasureId) -> Erasure | None: ...

    async def of_session(self, id: SessionId) -> Erasure | None: ...

    async def begin_session(
        self, id: SessionId, cause: Cause, *, rule: str | None = None, parent: ErasureId | None = None
    ) -> Erasure | None:
        """Note that a session is to be erased, or give the note there is; None where there is no such session."""

    async def begin_user(self, user_id: UserId, cause: Cause) -> Erasure:
        """Note that all of a user is to be erased, or give the note of what is under way."""

    async def withdraw(self, id: ErasureId) -> None:
        """Nothing was erased, and nothing will be."""

    async def fence(self, id: SessionId) -> bool:
        """Take the session's document away, so that nothing of it is shown or written; False where it is held."""

    async def found(self, id: ErasureId, counts: Mapping[str, int]) -> None:
        """Note what is there, before it goes; the most of each kind stands."""

    async def wait(self, id: ErasureId, waits: Waits, seconds: float) -> None:
        """Go on after so many seconds."""

    async def finish(self, id: ErasureId) -> Erasure | None:
        """Nothing is left: running -> done. The entry, unless all who are to be told know of it."""

    async def told(self, id: ErasureId, seconds: float) -> None:
        """All know; whose it was is forgotten, and one more look is due after so many seconds."""

    async def close(self, id: ErasureId) -> None:
        """Nothing more is to be done."""

    async def due(self, limit: int) -> list[Erasure]:
        """What is to be driven on now, longest due first."""

    async def sessions_of(self, user_id: UserId, until: datetime, limit: int) -> tuple[list[SessionId], bool]:
        """A user's sessions that were made by then and are not held, and whether any is held."""

    async def page(self, after: Erasure | None) -> list[Erasure]:
        """Some entries, the oldest first, from after this one on."""

    def users(self) -> AsyncIterator[UserId]:
        """All users of whom there is anything that an erasure of a user takes."""

    async def reopen(self, entry: Erasure, user_id: UserId | None) -> bool:
        """Have it done again from the beginning, in place of what is noted of it; whether something of it was here.

        `user_id` is whom it is about, where that is a user.
        """

    async def remember(self, entry: Erasure) -> None:
        """Keep an entry that is unknown here, as one that is over."""

    async def waiting(self) -> int:
        """How many are not done."""

    async def under_way(self, parent: ErasureId) -> int:
        """How many of its sessions are not erased yet."""
