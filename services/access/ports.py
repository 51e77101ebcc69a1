"""Who may come in, how often, and what was answered before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import SessionId, UserId, Viewer


class Tokens(Protocol):
    async def verify(self, token: str) -> Viewer:
        """Unauthenticated if it is not valid; KeysUnavailable if that cannot be told now."""

    async def can_verify(self) -> bool:
        """Whether any token could be verified now."""

    def provider_answers(self) -> bool:
        """Whether the identity provider gave its keys when it was asked last; True where nobody is asked."""


class RateLimits(Protocol):
    async def hit(self, budget: str, who: str) -> float | None:
        """Count one; the seconds to wait if that is over the budget. Never holds a caller up for more than a moment."""

    async def hit_each(self, *counted: tuple[str, str]) -> float | None:
        """Count one of each budget, of whom is said, all at once; the longest wait where some are over theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A request that carries an idempotency key. `fingerprint` names its body; None while that is not known.

    `session_id` is the session that it is about, if any; where it makes one, that is what it makes.
    """

    user_id: UserId
    key: str
    path: str
    fingerprint: str | None = None
    session_id: SessionId | None = None
    makes_session: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A key that is held while its request is in flight.

    `made_id` names what the request makes, in all its tries; `resumed` says that an earlier try ended without
    an answer that was kept.
    """

    id: str
    holder: str
    made_id: str
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as it was given, and the fingerprint of the body that it was given to.

    `made` names what it is made from again, in place of a body that is kept.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    fingerprint: str
    made: str | None = None


class IdempotencyKeys(Protocol):
    """What was answered under the keys of the last 24 hours. Each write but `hold` is the holder's alone."""

    async def hold(self, request: Keyed, made_id: str) -> Hold | Kept:
        """Hold the key, also in place of a holder that let go or fell silent, or give what is kept.

        IdempotencyInFlight while another holds it, IdempotencyMismatch if the
        key was used for another path or another known fingerprint.
        """

    async def beat(self, hold: Hold) -> bool:
        """Keep the hold; False if it is lost."""

    async def rename(self, hold: Hold, made_id: str) -> bool:
        """Name what the request makes anew; False if the hold is lost."""

    async def keep(self, hold: Hold, answer: Kept) -> bool:
        """Keep the answer; False if the hold is lost."""

    async def release(self, hold: Hold) -> None:
        """Let go of the key; the next request with it may try again."""
