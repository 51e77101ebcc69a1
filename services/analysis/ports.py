"""What analysis needs from outside."""

from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import Evaluation, PartId, Question
from services.interviews.transcript import Transcript


@dataclass(frozen=True, slots=True)
class ScoringClaim:
    """The n-th claim on scoring a part, and what came of those before: failures, and seconds of waiting."""

    number: int
    failures: int = 0
    waited_seconds: float = 0.0


class Scorer(Protocol):
    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        """Every quote stands in the transcript's text. ScorerUnavailable: try again."""


class Scorings(Protocol):
    """The scoring that a completed record still waits for."""

    async def claim_scoring(self, id: PartId, seconds: float) -> ScoringClaim | None:
        """Take what is to be scored, for so many seconds; None where nothing is, it is not due, or another has it."""

    async def scored(self, id: PartId) -> None:
        """Nothing remains to be scored."""

    async def score_again(self, id: PartId, claim: ScoringClaim, delay: float, *, failed: bool = True) -> None:
        """Scoring failed, or only had to wait; due again after so many seconds. Fenced by the claim."""

    async def rescore(self, id: PartId) -> bool:
        """Have a completed part scored anew, at once; False if it is to be scored already, or is not completed."""
