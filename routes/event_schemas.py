"""How events and snapshots look, on every transport."""

from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field

from routes.statuses import SessionStatusOut
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
    events: list[EventOut]

    @classmethod
    def of(cls, told: Told, cursor: int) -> "EventsOut":
        snapshot = SnapshotOut.of(told.snapshot) if told.snapshot else None
        return cls(cursor=cursor, snapshot=snapshot, events=[EventOut.of(event) for event in told.events])


def texts(told: Told) -> list[str]:
    """Each thing told as JSON, in order."""
    if told.snapshot is not None:
        return [SnapshotOut.of(told.snapshot).model_dump_json()]
    return [_text(event) for event in told.events]


def blocks(told: Told) -> bytes:
    """What is told, for an event stream."""
    if told.snapshot is not None:
        (text,) = texts(told)
        return format_sse_event(id=str(told.snapshot.cursor), event="snapshot", data_str=text)
    return b"".join(_block(event) for event in told.events)


@lru_cache(MOST_FORMED)
def _text(event: Event) -> str:
    """An event is formed once, however many listen."""
    return EventOut.of(event).model_dump_json()


@lru_cache(MOST_FORMED)
def _block(event: Event) -> bytes:
    return format_sse_event(id=str(event.number), event=event.type.value, data_str=_text(event))
