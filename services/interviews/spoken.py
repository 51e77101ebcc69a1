"""What was said in a recording before all of it is transcribed, and how far it is, as those who wait are told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.interviews.model import Answer, CallId, Part, PartId, QuestionId, Status, asked_in, beginning
from services.interviews.transcript import Utterance

MOST_SPOKEN_BYTES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One stretch of a recording, of a long one the beginning of its text; `speech_ratio` of it somebody speaks."""

    index: int
    start: float
    end: float
    text: str
    is_cut: bool = False
    speech_ratio: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a session says of its newest take in work: so many utterances were told, up to a second of the recording.

    `is_over`: nothing more may be told of it, and nothing of it is shown.
    """

    part_id: PartId
    take: int
    rev: int = 0
    count: int = 0
    seconds: float = 0.0
    received: float = 0.0
    begun_at: datetime | None = None
    call_id: CallId | None = None
    is_over: bool = False


def spoken_of(utterance: Utterance) -> Spoken:
    said, text = utterance.transcript, beginning(utterance.transcript.text, MOST_SPOKEN_BYTES)
    heard = sum(span.seconds for span in utterance.heard)
    return Spoken(
        index=utterance.number,
        start=round(utterance.start, 2),
        end=round(utterance.start + said.duration, 2),
        text=text,
        is_cut=len(text) < len(said.text),
        speech_ratio=round(min(1.0, heard / said.duration), 3) if said.duration else 0.0,
    )


def told_of(part: Part, count: int) -> Told:
    """So many utterances of it were told, and it was heard up to its checkpoint."""
    return Told(
        part_id=part.id,
        take=part.take,
        rev=part.rev,
        count=count,
        seconds=part.transcribed_seconds,
        received=part.received_seconds,
        begun_at=part.created_at,
        call_id=part.call_id,
    )


def in_work(answers: Mapping[QuestionId, Answer], told: Mapping[QuestionId, Told]) -> dict[QuestionId, Answer]:
    """The answers, those in work with how far they are."""
    return {id: _with_how_far(answer, told.get(id)) for id, answer in answers.items()}


def live(answers: Mapping[QuestionId, Answer], told: Mapping[QuestionId, Told]) -> dict[QuestionId, Answer]:
    """The answers that are still being recorded, and listened to already; the right side of a call is none."""
    found = {id: one for id, one in told.items() if id == asked_in(id) and _is_live(one, answers.get(id))}
    return {id: _with_how_far(_recorded(id, one), one) for id, one in found.items()}


def _is_live(told: Told, answer: Answer | None) -> bool:
    return not told.is_over and (answer is None or (answer.part_id != told.part_id and answer.take < told.take))


def _recorded(id: QuestionId, told: Told) -> Answer:
    return Answer(
        question_id=id,
        take=told.take,
        rev=told.rev,
        part_id=told.part_id,
        status=Status.PROCESSING,
        is_arriving=True,
        created_at=told.begun_at,
        call_id=told.call_id,
    )


def _with_how_far(answer: Answer, told: Told | None) -> Answer:
    if told is None or told.is_over or answer.part_id != told.part_id or not answer.is_pending:
        return answer
    received = max(answer.received_seconds or 0.0, told.received, told.seconds)
    return replace(answer, rev=max(answer.rev, told.rev), received_seconds=received, transcribed_seconds=told.seconds)
