"""How a conversation looks."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from routes.answer_schemas import FailureOut, WordOut
from services.calls.conversations import Conversation
from services.calls.model import Heard
from services.calls.talk import Response, Talk, talk
from services.calls.turns import Turn
from services.interviews.model import CallSide, PartState
from services.interviews.transcript import Verdict

HeardState = Literal["missing", "empty", "pending", "completed", "failed"]
STATES: dict[PartState, HeardState] = {
    PartState.COMPLETED: "completed",
    PartState.FAILED: "failed",
    PartState.ABORTED: "empty",
    PartState.SUPERSEDED: "empty",
}


class TurnOut(BaseModel):
    """What one side says, in seconds of the call."""

    speaker: Literal["left", "right"]
    start: float
    end: float
    text: str = Field(description="Empty where somebody speaks and nobody could read what.")
    interrupts: bool = Field(description="The other side was speaking when it began.")
    words: list[WordOut] | None = Field(
        description="With `words=true`; empty where the engine tells no times of words."
    )

    @classmethod
    def of(cls, turn: Turn, *, with_words: bool) -> Self:
        words = [
            WordOut(text=word.text, start=_told(word.start), end=_told(word.end), probability=word.probability)
            for word in turn.words
        ]
        return cls(
            speaker=turn.speaker.value,
            start=_told(turn.start),
            end=_told(turn.end),
            text=turn.text,
            interrupts=turn.interrupts,
            words=words if with_words else None,
        )


class ResponseOut(BaseModel):
    """An answer to what the right side said."""

    asked_until: float = Field(description="When the question was over.")
    answered_at: float = Field(description="When the answer's first word began.")
    latency: float = Field(description="Seconds between them; less than none where the answer was earlier.")

    @classmethod
    def of(cls, response: Response) -> Self:
        return cls(
            asked_until=_told(response.asked_until),
            answered_at=_told(response.answered_at),
            latency=_told(response.latency),
        )


class HeardOut(BaseModel):
    """What is known of one side. `missing`: it was never meant to come; `empty`: nothing of it was kept."""

    state: HeardState
    transcript: str | None = Field(description="Null until completed; empty where nobody speaks.")
    no_speech: bool
    language: str | None
    duration_seconds: float | None
    speech_verdict: Verdict | None
    warnings: list[str] = Field(description="What is wrong with its recording.")
    error: FailureOut | None

    @classmethod
    def of(cls, heard: Heard | None) -> Self:
        part, said = (heard.part, heard.transcript) if heard else (None, None)
        failure = part.failure if part and part.state is PartState.FAILED else None
        return cls(
            state="missing" if heard is None else "empty" if part is None else STATES.get(part.state, "pending"),
            transcript=said.text if said else None,
            no_speech=said.no_speech if said else False,
            language=said.language if said else None,
            duration_seconds=said.duration if said else None,
            speech_verdict=said.verdict if said else None,
            warnings=list(said.warnings) if said else [],
            error=FailureOut(code=failure.code, sentence=failure.sentence) if failure else None,
        )


class ConversationOut(BaseModel):
    """Both sides of a call: `left` answers, and is what is scored; `right` asks.

    Its warnings, once it is `completed`: `side_missing`, `side_empty`, `side_silent` where nobody speaks on a side,
    `side_failed`.
    """

    call_id: str
    session_id: str
    question_id: str
    take: int
    status: Literal["processing", "completed"]
    left: HeardOut
    right: HeardOut
    turns: list[TurnOut] = Field(description="In the order in which they begin; where both speak, they overlap.")
    response_latency: float | None = Field(
        description="The median of the latencies, in seconds; null where nothing that was asked is answered."
    )
    responses: list[ResponseOut]
    overlap_seconds: float = Field(description="How long both sides spoke at once.")
    left_seconds: float = Field(description="How long the left side spoke.")
    right_seconds: float
    talk_ratio: float | None = Field(description="The left side's share of all talk, 0 to 1; null where nobody speaks.")
    warnings: list[str]

    @classmethod
    def of(cls, conversation: Conversation, *, with_words: bool) -> Self:
        turns, sides = conversation.turns, conversation.sides
        return cls(
            call_id=conversation.id,
            session_id=conversation.session_id,
            question_id=conversation.question_id,
            take=conversation.take,
            status="completed" if conversation.is_over else "processing",
            left=HeardOut.of(sides.get(CallSide.LEFT)),
            right=HeardOut.of(sides.get(CallSide.RIGHT)),
            turns=[TurnOut.of(turn, with_words=with_words) for turn in turns],
            **_talk(talk(turns)),
            warnings=conversation.warnings,
        )


def _talk(talk: Talk) -> dict[str, object]:
    return {
        "response_latency": None if talk.response_latency is None else _told(talk.response_latency),
        "responses": [ResponseOut.of(response) for response in talk.responses],
        "overlap_seconds": _told(talk.overlap_seconds),
        "left_seconds": _told(talk.left_seconds),
        "right_seconds": _told(talk.right_seconds),
        "talk_ratio": None if talk.talk_ratio is None else _told(talk.talk_ratio),
    }


def _told(seconds: float) -> float:
    return round(seconds, 3)
