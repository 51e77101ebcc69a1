"""Who listens to a session: by a token, or by a ticket where a browser can send no header."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BeforeValidator, Field
from starlette.requests import HTTPConnection

from routes.dependencies import Needs, Services, SessionPath, address_of, bearer, viewer_of
from routes.http_metrics import HttpMeter
from services.errors import Unauthenticated
from services.events.streaming import Listening
from services.interviews.model import SessionId, Viewer

LARGEST_CURSOR = 2**53 - 1
TEXT = "text/event-stream"


async def ticket_holder(connection: HTTPConnection, services: Services, ticket: str, session_id: SessionId) -> Viewer:
    """Who the ticket was given to, counted like any request."""
    await services.admission.address(address_of(connection))
    viewer = await services.tickets.viewer(ticket, session_id)
    await services.admission.request(viewer)
    return viewer


async def socket_viewer(socket: HTTPConnection, services: Services, ticket: str | None, id: SessionId) -> Viewer:
    """Who opens a socket, counted like any request: by a token in its header, or by a ticket."""
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" and ticket is not None:
        return await ticket_holder(socket, services, ticket, id)
    await services.admission.address(address_of(socket))
    if scheme.lower() != "bearer":
        raise Unauthenticated
    viewer = await services.tokens.verify(token.strip())
    await services.admission.request(viewer)
    return viewer


async def _listener(
    request: Request,
    services: Needs,
    session_id: SessionPath,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ticket: Annotated[
        str | None,
        Query(max_length=128, description="A ticket, in place of the Authorization header."),
    ] = None,
) -> Viewer:
    if credentials is None and ticket is not None:
        return await ticket_holder(request, services, ticket, session_id)
    return await viewer_of(request, services, credentials)


Listener = Annotated[Viewer, Depends(_listener)]

# An EventSource that has no number yet, and forms, send an empty one; 422 would end the source for good.
OrNone = BeforeValidator(lambda given: None if given == "" else given)

Number = Annotated[int, Field(ge=0, le=LARGEST_CURSOR)]
Since = Annotated[
    Number | None, OrNone, Query(description="The newest number that you know; without one, a snapshot.", examples=[7])
]


async def _cursor(
    since: Since = None,
    last_event_id: Annotated[
        Number | None, OrNone, Query(description="The same as `since`; it goes before it.")
    ] = None,
    header: Annotated[
        Number | None,
        OrNone,
        Header(
            alias="Last-Event-ID",
            description="What a browser sends when it connects again; it goes before both.",
            json_schema_extra={"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
    ] = None,
) -> int | None:
    return next((given for given in (header, last_event_id, since) if given is not None), None)


Cursor = Annotated[int | None, Depends(_cursor)]


def wants_stream(request: Request) -> bool:
    return TEXT in request.headers.get("accept", "")


Wait = Annotated[
    float,
    Query(ge=0, le=25, description="Of a poll: seconds to wait for an event, if there is none yet.", examples=[0]),
]


@asynccontextmanager
async def place(
    connection: HTTPConnection, services: Services, id: SessionId, cursor: int | None, viewer: Viewer, transport: str
) -> AsyncIterator[Listening]:
    """A place among the listeners, from its cursor on; a problem where there is none."""
    meter: HttpMeter = connection.app.state.meter
    async with services.admission.listener(viewer), services.streams.open(id, cursor, viewer) as listening:
        with meter.listeners.labels(transport).track_inprogress():
            yield listening


async def _place(
    request: Request, services: Needs, session_id: SessionPath, viewer: Listener, cursor: Cursor, wait: Wait = 0
) -> AsyncIterator[Listening | None]:
    """Held until the answer is sent; a poll that does not wait needs none."""
    if not wants_stream(request) and not wait:
        yield None
        return
    transport = "sse" if wants_stream(request) else "poll"
    async with place(request, services, session_id, cursor, viewer, transport) as listening:
        yield listening


Place = Annotated[Listening | None, Depends(_place)]
