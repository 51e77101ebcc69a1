"""How a session's document keeps its events: in the same write as the change."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from services.adapters.mongo.documents import Document, side_of, verdict_of
from services.adapters.mongo.server_time import NOW, literal
from services.adapters.mongo.tolerant import known, value_of
from services.events.model import MOST_KEPT, SHOWN_AS, Event, EventType
from services.interviews.model import Answer, Part, PartId, QuestionId, SessionId, Status, asked_in
from services.interviews.spoken import Spoken
from services.interviews.transcript import Verdict

_CURSOR = {"$ifNull": ["$cursor", 0]}
_EVENTS = {"$ifNull": ["$events", []]}
_WORDLESS = {"text": "", "is_cut": False}


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


def utterance_document(part: Part, spoken: Spoken) -> Document:
    """An event that tells an utterance, likewise; by its part its words are found again."""
    event = _event_of_part(EventType.UTTERANCE, part, Status.PROCESSING)
    return {**event, "part": part.id, "spoken": asdict(spoken)}


def dropped_document(part: Part) -> Document:
    """That a recording is dropped of which something was told."""
    return _event_of_part(EventType.DROPPED, part)


def _event_of_part(type: EventType, part: Part, status: Status | None = None) -> Document:
    event = event_document(type, asked_in(part.question_id), part.take, status)
    return event | {"call_id": part.call_id, "side": part.side and part.side.value}


def tells_of(part_id: PartId) -> Document:
    """A filter: some event has words of this part."""
    return {"events": {"$elemMatch": {"part": part_id, "spoken.text": {"$gt": ""}}}}


def unsaid(part_id: PartId) -> Document:
    """The events without the words of this part."""
    silent = {"$mergeObjects": ["$$this", {"spoken": {"$mergeObjects": ["$$this.spoken", _WORDLESS]}}]}
    each = {"$cond": [{"$eq": ["$$this.part", literal(part_id)]}, silent, "$$this"]}
    return {"$map": {"input": _EVENTS, "in": each}}


def logged(*told: Document, where: Document | None = None) -> Document:
    """What a pipeline's `$set` adds to tell events, where the condition holds."""
    number = {"$add": [_CURSOR, len(told)]}
    entries = [
        {"$mergeObjects": [literal(event), {"number": {"$add": [_CURSOR, place]}, "at": NOW}]}
        for place, event in enumerate(told, 1)
    ]
    events: Document = {"$slice": [{"$concatArrays": [_EVENTS, entries]}, -MOST_KEPT]}
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
    spoken = row.get("spoken")
    return value_of(
        Event,
        row,
        type=EventType(row["type"]),
        session_id=session_id,
        status=Status(status) if status else None,
        verdict=verdict,
        side=side_of(row.get("side")),
        spoken=value_of(Spoken, spoken) if spoken else None,
    )
