"""The events of a session: as a stream, or by polling. Both follow one cursor."""

import random
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel, Field

from routes.dependencies import Asker, Needs, SessionPath
from routes.errors import documented, problem_of
from routes.event_schemas import EventsOut, blocks
from routes.listeners import TEXT, Cursor, Listener, Place, Wait, wants_stream
from routes.revalidation import NOT_MODIFIED, IfNoneMatch, marked, weak
from services import errors
from services.events.streaming import Listening

router = APIRouter(prefix="/api/sessions/{session_id}", tags=["events"])

KEEP_ALIVE_SECONDS = 15.0
END = "end"
RETRY_MS = (1000, 3000)
# Proxies that compress hold a stream back until they have enough of it to do so, its headers too.
STREAM_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}

EXAMPLE = """retry: 2000

id: 6
event: snapshot
data: {"id":6,"type":"snapshot","session_id":"…","summary":{…},"answers":{…},"not_answered":[]}

id: 7
event: answer.completed
data: {"id":7,"type":"answer.completed","session_id":"…","question_id":"q1","take":1,"status":"completed","at":"…"}

id: 8
event: utterance
data: {"id":8,"type":"utterance","session_id":"…","question_id":"q2","take":1,"status":"processing","at":"…",
data: "index":0,"start":0.0,"end":16.4,"text":"…","text_is_cut":false,"speech_ratio":0.86}

: still here

event: end
data: {"type":"/problems/session_erased","title":"Gone","status":410,"detail":"…","code":"session_erased"}

"""
AS_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "With `Accept: text/event-stream` a stream, else what is new so far.",
        "content": {TEXT: {"schema": {"type": "string"}, "example": EXAMPLE}},
    }
}


class TicketOut(BaseModel):
    """Opens the events of this one session, in place of a token, for so many seconds."""

    ticket: str
    expires_in: int = Field(examples=[60])


@router.get(
    "/events",
    operation_id="getEvents",
    response_model=EventsOut,
    responses=AS_STREAM
    | NOT_MODIFIED
    | documented(
        errors.SessionNotFound,
        errors.RateLimited,
        errors.TooManyListeners,
        errors.ListenersSaturated,
        errors.StoreUnavailable,
    ),
)
async def get_events(
    request: Request,
    response: Response,
    services: Needs,
    session_id: SessionPath,
    viewer: Listener,
    cursor: Cursor,
    place: Place,
    wait: Wait = 0,
    if_none_match: IfNoneMatch = None,
) -> EventsOut | Response:
    """What happened to a session after your cursor, and what happens from now on.

    Without a cursor, or with one that is too old to be followed, a snapshot comes first.
    """
    if place is not None and wants_stream(request):
        return EventSourceResponse(_stream(place), headers=STREAM_HEADERS)
    if place is not None:
        told = await place.news(wait)
        newest = place.cursor
        if place.gone is not None and not told:
            raise place.gone
    else:
        told, newest = await services.streams.look(session_id, cursor, viewer)
    if unchanged := marked(response, weak(newest), if_none_match):
        return unchanged
    return EventsOut.of(told, newest)


async def _stream(listening: Listening) -> AsyncIterator[bytes]:
    """What is told, with a sign of life where nothing is; it ends in order, and the client comes back.

    Where the session is no more, an `end` says so first; who comes back all the same is refused for good.
    """
    yield format_sse_event(retry=random.randint(*RETRY_MS))
    while not listening.is_over:
        told = await listening.news(KEEP_ALIVE_SECONDS, with_interim=True)
        if told:
            yield blocks(told)
        elif not listening.is_over:
            yield format_sse_event(comment="still here")
    if listening.gone is not None:
        yield format_sse_event(event=END, data_str=problem_of(listening.gone).model_dump_json(exclude_none=True))


@router.post(
    "/tickets",
    status_code=201,
    operation_id="createTicket",
    responses=documented(errors.SessionNotFound, errors.RateLimited, errors.StoreUnavailable),
)
async def create_ticket(session_id: SessionPath, response: Response, viewer: Asker, services: Needs) -> TicketOut:
    """A ticket for EventSource and WebSocket in a browser, which cannot send a token: `?ticket=…`."""
    ticket = await services.tickets.issue(session_id, viewer)
    response.headers["Cache-Control"] = "no-store"
    return TicketOut(ticket=ticket.secret, expires_in=ticket.seconds)
