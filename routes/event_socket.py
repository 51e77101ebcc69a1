"""The events of a session over a WebSocket. What the client sends is read and thrown away."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from routes.dependencies import Services
from routes.errors import status_of
from routes.event_schemas import texts
from routes.listeners import LARGEST_CURSOR, place, socket_viewer
from services.errors import Problem
from services.events.streaming import Listening
from services.interviews.model import SessionId

router = APIRouter()

GOING_AWAY, NORMAL, TRY_LATER = 1001, 1000, 1013
OWN = 4000
LOOK_SECONDS = 60.0


class NoCursor(Exception):
    """What was sent as `since` is no event's number."""


@router.websocket("/ws/sessions/{session_id}")
async def session_socket(
    socket: WebSocket, session_id: str, since: str | None = None, ticket: str | None = None
) -> None:
    """A snapshot where one is needed, then each event, as JSON, one a message."""
    services: Services = socket.app.state.services
    await socket.accept()  # only an open socket can be told why it is closed
    try:
        code, reason = await _serve(socket, services, SessionId(session_id), since, ticket)
    except Problem as problem:
        code, reason = close_code(problem), problem.code
    except NoCursor:
        code, reason = OWN + 400, "invalid_request"
    except WebSocketDisconnect:
        return
    with suppress(WebSocketDisconnect, RuntimeError):  # it may have gone meanwhile
        await socket.close(code, reason)


async def _serve(
    socket: WebSocket, services: Services, id: SessionId, since: str | None, ticket: str | None
) -> tuple[int, str]:
    cursor = _cursor(since)
    viewer = await socket_viewer(socket, services, ticket, id)
    async with place(socket, services, id, cursor, viewer, "websocket") as listening:
        await _talk(socket, listening)
        if listening.gone is not None:
            raise listening.gone
    return (GOING_AWAY, "the server stops") if services.streams.is_leaving else (NORMAL, "connect again")


def _cursor(since: str | None) -> int | None:
    if not since:
        return None
    if not (since.isascii() and since.isdecimal() and int(since[:20]) <= LARGEST_CURSOR and len(since) <= 20):
        raise NoCursor
    return int(since)


async def _talk(socket: WebSocket, listening: Listening) -> None:
    """Tell until it is over, or until the client is gone."""
    gone = asyncio.create_task(_until_gone(socket))
    telling = asyncio.create_task(_tell(socket, listening))
    try:
        await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = [task for task in (gone, telling) if not task.cancel()]
        await asyncio.gather(gone, telling, return_exceptions=True)
    for task in ended:
        task.result()


async def _until_gone(socket: WebSocket) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", NORMAL))


async def _tell(socket: WebSocket, listening: Listening) -> None:
    while not listening.is_over:
        for text in texts(await listening.news(LOOK_SECONDS, with_interim=True)):
            await socket.send_text(text)


def close_code(problem: Problem) -> int:
    """4401 for a bad token or ticket, 4404 for no such session, 4410 for an erased one, 4429 for too many.

    1013 where this process is short.
    """
    status = status_of(type(problem))
    return OWN + status if status < 500 else TRY_LATER
