"""The barrier before the scores: what a session still waits for, and what it then comes to."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.interviews.model import Answer, Mark, QuestionId, Session, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where each question of a session stands; every question is in exactly one list."""

    queued: list[QuestionId]
    processing: list[QuestionId]
    scoring: list[QuestionId]
    failed: list[QuestionId]
    completed: list[QuestionId]
    not_answered: list[QuestionId]

    @property
    def is_settled(self) -> bool:
        return not (self.queued or self.processing or self.scoring)


def standing(session: Session, newest: Mapping[QuestionId, int]) -> Standing:
    """Sort the questions; one with a newer take than it shows counts as queued."""
    bins: dict[str, list[QuestionId]] = {
        name: [] for name in ("queued", "processing", "scoring", "failed", "completed", "not_answered")
    }
    for question in session.questions:
        answer = session.shown.get(question.id)
        has_newer = newest.get(question.id, 0) > (answer.take if answer else 0)
        bins["queued" if has_newer else _bin(answer)].append(question.id)
    return Standing(**bins)


def _bin(answer: Answer | None) -> str:
    if answer is None:
        return "not_answered"
    if answer.status is Status.COMPLETED and answer.mark is Mark.PENDING:
        return "scoring"
    return answer.status.value


def final_score(answers: list[Answer]) -> float | None:
    """The mean of the scores there are, to one decimal; None where there is none."""
    scores = [a.evaluation.score for a in answers if a.evaluation and a.evaluation.score is not None]
    return round(sum(scores) / len(scores), 1) if scores else None


def digest(session: Session) -> str:
    """A name for the takes and scores that a result rests on."""
    rows = [
        [a.question_id, a.take, a.rev, a.status, a.evaluation.score if a.evaluation else None]
        for a in sorted(session.answers.values(), key=lambda a: a.question_id)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
