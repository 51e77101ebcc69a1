"""When to try again, and when to give up: arithmetic without a clock."""

import math
from dataclasses import dataclass

from services.errors import Problem

FIRST_DELAY = 2.0
LONGEST_DELAY = 120.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""


def backoff(delivery: int) -> float:
    """Seconds to wait after the n-th delivery (from 1): 2, 8, 32, then 120."""
    return min(LONGEST_DELAY, FIRST_DELAY * 4.0 ** (delivery - 1))


def decide(problem: Problem, delivery: int, most: int) -> Again | GiveUp:
    """What follows on a problem in the n-th of at most so many deliveries."""
    if not problem.retryable or delivery >= most:
        return GiveUp()
    return Again(max(backoff(delivery), min(problem.retry_after or 0.0, LONGEST_DELAY)))


def seconds_asked(retry_after: str | None) -> float | None:
    """The seconds that a Retry-After names; None if it names none."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
