"""When a webhook is sent again, and when it is given up: arithmetic without a clock."""

from dataclasses import dataclass
from http import HTTPStatus

# About a day in all; a twentieth of jitter to both sides.
DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 28800.0)
JITTER = 0.05
LONGEST_DELAY = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an endpoint answered, or why there is no answer."""

    status: int | None = None
    error: str | None = None
    excerpt: str = ""
    milliseconds: int = 0
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == HTTPStatus.GONE


@dataclass(frozen=True, slots=True)
class Arrived:
    """The endpoint has it."""


@dataclass(frozen=True, slots=True)
class Later:
    """Send it again after so many seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Dead:
    """It is not sent again, unless somebody asks for it."""


Step = Arrived | Later | Dead


def after_reply(reply: Reply, tries: int, roll: float, *, once: bool = False) -> Step:
    """What follows on the reply to the n-th try (from 1); `roll` is from 0 to 1."""
    if reply.is_success:
        return Arrived()
    if reply.is_gone or once or tries > len(DELAYS):
        return Dead()
    delay = DELAYS[tries - 1] * (1 + JITTER * (2 * roll - 1))
    return Later(max(delay, min(reply.retry_after or 0.0, LONGEST_DELAY)))
