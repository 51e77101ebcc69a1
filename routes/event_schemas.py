"""How events and snapshots look, on every transport."""

from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field

from routes.statuses import SessionStatusOut
from services.events.interim import Interim
from services.events.model import Event, EventType
from services.events.streaming import Told
from services.interviews.model import CallSide, Session, Status
from services.interviews.transcript import Verdict

MOST_FORMED = 2048


class EventOut(BaseModel):
    """One change. `id` counts from 1 within its session, without gaps."""

    id: int = Field(examples=[7])
    type: EventType = Field(examples=["answer.completed"])
    session_id: str
    question_id: str | None = Field(description="Null where the event is about the whole session.", examples=["q1"])
    take: int | None = Field(examples=[1])
    status: Status | None = Field(examples=["completed"])
    at: datetime
    speech_verdict: Verdict | None = Field(None, description="With `answer.completed`: whether to believe the text.")
    call_id: str | None = Field(None, description="Of one side of a call: which call.")
    side: CallSide | None = Field(
        None, description="Of one side of a call: `left`, which is the answer, or `right`, which answers nothing."
    )

    @classmethod
    def of(cls, event: Event) -> "EventOut":
        return cls(
            id=event.number,
            type=event.type,
            session_id=event.session_id,
            question_id=event.question_id,
            take=event.take,
            status=event.status,
            at=event.at,
            speech_verdict=event.verdict,
            call_id=event.call_id,
            side=event.side,
        )


class UtteranceOut(EventOut):
    """What was said in a stretch of a recording that is not done yet; `index` counts from 0 within the recording."""

    type: Literal[EventType.UTTERANCE]
    index: int = Field(examples=[3])
    start: float = Field(description="Where in the recording it begins, in seconds.", examples=[48.2])
    end: float = Field(description="Where it ends, and the next one begins.", examples=[63.9])
    text: str = Field(description="Empty where nobody speaks, and where the recording was dropped since.")
    text_is_cut: bool = Field(description="Only its beginning (2 KB) is told; the answer's segments have all of it.")
    speech_ratio: float = Field(description="How much of it somebody speaks, 0 to 1.", examples=[0.81])


class InterimOut(BaseModel):
    """A first reading of what is being said right now: it has no number, is kept nowhere, and may change."""

    type: Literal["interim"] = "interim"
    session_id: str
    question_id: str
    take: int
    index: int = Field(description="Of the utterance that it is likely to become.")
    start: float
    end: float
    text: str
    call_id: str | None = Field(None, description="Of one side of a call: which call.")
    side: CallSide | None = Field(
        None, description="Of one side of a call: `left`, which is the answer, or `right`, which answers nothing."
    )

    @classmethod
    def of(cls, interim: Interim) -> "InterimOut":
        return cls(**asdict(interim))


class SnapshotOut(SessionStatusOut):
    """The whole session; `id` is the number of the newest event that it includes."""

    id: int = Field(examples=[7])
    type: Literal["snapshot"] = "snapshot"

    @classmethod
    def of(cls, session: Session) -> "SnapshotOut":
        fields: dict[str, Any] = cls.fields_of(session)
        return cls(id=session.cursor, **fields)


class EventsOut(BaseModel):
    """A snapshot, or the events after the cursor that was sent; ask again with `since` = `cursor`."""

    cursor: int = Field(examples=[9])
    snapshot: SnapshotOut | None
    events: list[UtteranceOut | EventOut]

    @classmethod
    def of(cls, told: Told, cursor: int) -> "EventsOut":
        snapshot = SnapshotOut.of(told.snapshot) if told.snapshot else None
        return cls(cursor=cursor, snapshot=snapshot, events=[_out(event) for event in told.events])


def texts(told: Told) -> list[str]:
    """Each thing told as JSON, in order."""
    if told.snapshot is not None:
        return [SnapshotOut.of(told.snapshot).model_dump_json()]
    if told.interim is not None:
        return [InterimOut.of(told.interim).model_dump_json()]
    return [_text(event) for event in told.events]


def blocks(told: Told) -> bytes:
    """What is told, for an event stream."""
    if told.snapshot is not None:
        (text,) = texts(told)
        return format_sse_event(id=str(told.snapshot.cursor), event="snapshot", data_str=text)
    if told.interim is not None:
        (text,) = texts(told)
        return format_sse_event(event="interim", data_str=text)
    return b"".join(_block(event) for event in told.events)


def _out(event: Event) -> EventOut:
    spoken, told = event.spoken, EventOut.of(event)
    if spoken is None:
        return told
    said = {"text": spoken.text, "text_is_cut": spoken.is_cut, "speech_ratio": spoken.speech_ratio}
    return UtteranceOut(**told.model_dump(), index=spoken.index, start=spoken.start, end=spoken.end, **said)


@lru_cache(MOST_FORMED)
def _text(event: Event) -> str:
    """An event is formed once, however many listen."""
    return _out(event).model_dump_json()


@lru_cache(MOST_FORMED)
def _block(event: Event) -> bytes:
    return format_sse_event(id=str(event.number), event=event.type.value, data_str=_text(event))
