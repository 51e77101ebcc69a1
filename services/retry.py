"""When to try again, and when to give up."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from services.errors import EngineBusy, Problem

FIRST_DELAY = 2.0
LONGEST_DELAY = 120.0
LONGEST_WAIT = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Come again after so many seconds; nothing has failed."""

    delay: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""


def longer(first: float, number: int) -> float:
    """The n-th wait (from 1), each four times the one before, to a limit."""
    return min(LONGEST_DELAY, first * 4.0 ** min(number - 1, 9))


def backoff(delivery: int) -> float:
    """Seconds to wait after the n-th delivery (from 1): 2, 8, 32, then 120."""
    return longer(FIRST_DELAY, delivery)


def decide(problem: Problem, delivery: int, most: int, waited: float = 0.0) -> Again | Wait | GiveUp:
    """What follows on a problem in the n-th of at most so many deliveries, after so many seconds of waiting."""
    asked = min(problem.retry_after or 0.0, LONGEST_WAIT)
    if isinstance(problem, EngineBusy) and waited < LONGEST_WAIT:
        return Wait(asked or backoff(delivery))
    if not problem.retryable or delivery >= most:
        return GiveUp()
    return Again(max(backoff(delivery), asked))


def seconds_asked(retry_after: str | None, date: str | None = None) -> float | None:
    """The seconds that a Retry-After names, as a number or as a moment after the answer's own Date; None if none."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return _until(_moment(retry_after), _moment(date))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(moment: datetime | None, now: datetime | None) -> float | None:
    if moment is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))) / timedelta(seconds=1))


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
