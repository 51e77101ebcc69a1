"""How an answer looks from outside; the same everywhere."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.interviews.model import Answer, Evaluation, Feedback, Mark, Stage, Status
from services.interviews.transcript import Segment, Verdict


class FeedbackOut(BaseModel):
    """One thing said about an answer; `quote` stands word for word in the transcript.

    `needs_review`: a model takes the quote for evidence, and it shares no word of content with the point.
    """

    point: str
    covered: bool
    quote: str | None
    weight: float
    comment: str | None
    needs_review: bool
    start: float | None = Field(description="When the quote begins, in seconds of the recording; null if not known.")
    end: float | None = Field(description="When it ends.")

    @classmethod
    def of(cls, feedback: Feedback) -> "FeedbackOut":
        return cls(
            point=feedback.point,
            covered=feedback.covered,
            quote=feedback.quote,
            weight=feedback.weight,
            comment=feedback.comment,
            needs_review=feedback.needs_review,
            start=feedback.start,
            end=feedback.end,
        )


class FailureOut(BaseModel):
    code: str = Field(examples=["audio_unreadable"])
    sentence: str


class WordOut(BaseModel):
    text: str
    start: float
    end: float
    probability: float | None


class SegmentOut(BaseModel):
    text: str
    start: float
    end: float
    words: list[WordOut]
    speech_verdict: Verdict | None = Field(description="Whether to believe this text; null where nobody judged it.")

    @classmethod
    def of(cls, segment: Segment) -> "SegmentOut":
        words = [WordOut(text=w.text, start=w.start, end=w.end, probability=w.probability) for w in segment.words]
        place = {"start": segment.start, "end": segment.end}
        return cls(text=segment.text, **place, words=words, speech_verdict=segment.verdict)


class FlawOut(BaseModel):
    """One thing that is wrong with a recording."""

    code: str = Field(examples=["gap"])
    at: float | None = Field(description="Where in the recording, in seconds; null where that is not known.")
    seconds: float | None = Field(description="How long it lasts, or what is missing; null where that is not known.")


class AnswerOut(BaseModel):
    """One answer's state: the newest recording's."""

    status: Status
    stage: Stage | None = Field(
        description="Of one in work: `recording` (it is listened to as it arrives), `waiting`, `listening`."
    )
    received_seconds: float | None = Field(
        description="Of one in work: how much of the recording is here; by its size, until more was heard."
    )
    transcribed_seconds: float | None = Field(description="Of one in work: up to where it is transcribed.")
    question_id: str
    transcript: str | None = Field(description="Null until completed; empty where nobody speaks.")
    transcript_is_cut: bool = Field(
        description="Only its beginning (32 KB) is shown here; the status of this one answer has it whole."
    )
    take: int
    call_id: str | None = Field(
        description="Where two sides are heard: the call; its conversation is at /api/calls/{call_id}/transcript."
    )
    file_id: str | None = Field(description="The stored recording; null once it is deleted.")
    deletion_receipt: str | None = Field(
        description="For the deleted recording, signed (a compact JWS); null while it is stored."
    )
    no_speech: bool
    language: str | None = Field(description="What is spoken, as one code of ISO 639.", examples=["en"])
    language_probability: float | None = Field(
        description="How sure the engine is of a language that it found out, 0 to 1; null where it does not say."
    )
    speech_verdict: Verdict | None = Field(description="Whether to believe the transcript; null until completed.")
    verdict_version: str | None = Field(description="The rules by which it was judged.")
    duration_seconds: float | None
    warnings: list[str] = Field(
        description="What is wrong with the recording: joined, gap, decode_errors, truncated, one_channel."
    )
    warning_details: list[FlawOut] = Field(description="The same with their places, as far as they are known.")
    created_at: datetime | None
    transcribed_at: datetime | None
    error: FailureOut | None = Field(description="Of a failed one: a stable code, and a sentence.")
    score_status: Mark | None
    score: float | None = Field(description="0 to 100; null where there is nothing to judge by.")
    unscored_reason: str | None
    scorer: str | None
    usable_share: float | None = Field(description="How much of what was spoken the score could rest on, 0 to 1.")
    feedback: list[FeedbackOut]

    @classmethod
    def of(cls, answer: Answer) -> "AnswerOut":
        found = answer.evaluation or Evaluation(score=None)
        failure = answer.failure
        return cls(
            status=answer.status,
            stage=answer.stage,
            received_seconds=_seconds(answer.received_seconds),
            transcribed_seconds=_seconds(answer.transcribed_seconds),
            question_id=answer.question_id,
            transcript=answer.transcript,
            transcript_is_cut=answer.is_cut,
            take=answer.take,
            call_id=answer.call_id,
            file_id=answer.part_id if answer.audio_stored else None,
            deletion_receipt=answer.receipt,
            no_speech=answer.no_speech,
            speech_verdict=answer.verdict,
            verdict_version=answer.verdict_version,
            language=answer.language,
            language_probability=answer.language_probability,
            duration_seconds=answer.duration,
            warnings=list(answer.warnings),
            warning_details=[FlawOut(code=flaw.code, at=flaw.at, seconds=flaw.seconds) for flaw in answer.flaws],
            created_at=answer.created_at,
            transcribed_at=answer.transcribed_at,
            error=FailureOut(code=failure.code, sentence=failure.sentence) if failure else None,
            score_status=answer.mark,
            score=found.score,
            unscored_reason=found.reason,
            scorer=found.scorer or None,
            usable_share=found.usable_share,
            feedback=[FeedbackOut.of(f) for f in found.feedback],
        )


def _seconds(time: float | None) -> float | None:
    return None if time is None else round(time, 2)
