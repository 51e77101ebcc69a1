"""When to transcribe again, and when to give up."""

from dataclasses import dataclass

from services.errors import EngineBusy, KeyringUnavailable, Problem
from services.retry_after import LONGEST_WAIT, longer

FIRST_DELAY = 2.0


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


def backoff(delivery: int) -> float:
    """Seconds to wait after the n-th delivery (from 1): 2, 8, 32, then 120."""
    return longer(FIRST_DELAY, delivery)


def asked_for(problem: Problem) -> float:
    """The seconds that who refused asks to wait, within a day."""
    return min(problem.retry_after or 0.0, LONGEST_WAIT)


def decide(problem: Problem, delivery: int, most: int, waited: float = 0.0) -> Again | Wait | GiveUp:
    """What follows on a problem in the n-th of at most so many deliveries, after so many seconds of waiting."""
    asked = asked_for(problem)
    if isinstance(problem, EngineBusy | KeyringUnavailable) and waited < LONGEST_WAIT:
        return Wait(asked or backoff(delivery))
    if not problem.retryable or delivery >= most:
        return GiveUp()
    return Again(max(backoff(delivery), asked))
