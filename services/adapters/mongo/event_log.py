"""How a session's document keeps its events: in the same write as the change."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.adapters.mongo.documents import Document, side_of, verdict_of
from services.adapters.mongo.server_time import NOW, literal
from services.adapters.mongo.tolerant import known, value_of
from services.events.model import MOST_KEPT, SHOWN_AS, Event, EventType
from services.interviews.model import Answer, QuestionId, SessionId, Status, asked_in
from services.interviews.transcript import Verdict

_CURSOR = {"$ifNull": ["$cursor", 0]}
_EVENTS = {"$ifNull": ["$events", []]}


def event_document(
    type: EventType,
    question_id: QuestionId | None = None,
    take: int | None = None,
    status: Status | None = None,
    verdict: Verdict | None = None,
) -> Document:
    """An event, but for its number and its time."""
    said = {"status": status and status.value, "verdict": verdict and verdict.value}
    return {"type": type.value, "question_id": question_id, "take": take, **said}


def event_of_answer(answer: Answer) -> Document:
    """That an answer, or the other side of a call, is shown as it is."""
    event = event_document(
        SHOWN_AS[answer.status], asked_in(answer.question_id), answer.take, answer.status, answer.verdict
    )
    return event | {"call_id": answer.call_id, "side": answer.side and answer.side.value}


def logged(event: Document, *, where: Document | None = None) -> Document:
    """What a pipeline's `$set` adds to tell an event, where the condition holds."""
    number = {"$add": [_CURSOR, 1]}
    entry = {"$mergeObjects": [literal(event), {"number": number, "at": NOW}]}
    events: Document = {"$slice": [{"$concatArrays": [_EVENTS, [entry]]}, -MOST_KEPT]}
    if where is None:
        return {"cursor": number, "events": events, "active_at": NOW}
    return {
        "cursor": {"$cond": [where, number, _CURSOR]},
        "events": {"$cond": [where, events, _EVENTS]},
        "active_at": {"$cond": [where, NOW, "$active_at"]},
    }


def told_after(cursor: int) -> Document:
    """A projection of the events after this one, on top of the whole document."""
    newer = {"$filter": {"input": _EVENTS, "cond": {"$gt": ["$$this.number", cursor]}}}
    return {"$set": {"events": newer}}


def events_of(session_id: SessionId, rows: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Those of the events whose type this version knows."""
    return tuple(_event_of(session_id, row) for row in rows if known(EventType, [row["type"]]))


def _event_of(session_id: SessionId, row: Mapping[str, Any]) -> Event:
    status, verdict = row.get("status"), verdict_of(row.get("verdict"))
    return value_of(
        Event,
        row,
        type=EventType(row["type"]),
        session_id=session_id,
        status=Status(status) if status else None,
        verdict=verdict,
        side=side_of(row.get("side")),
    )
