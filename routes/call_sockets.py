"""A call over a WebSocket: RTP packets of both sides in, an acknowledgement a second of what is kept."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from routes import call_messages as messages
from routes.dependencies import Services
from routes.event_socket import GOING_AWAY, NORMAL, close_code
from routes.http_metrics import HttpMeter
from routes.listeners import socket_viewer
from routes.recorder_messages import refused, told
from services.calls.bridging import Bridge
from services.calls.model import CallState
from services.errors import Problem
from services.interviews.model import CallId, SessionId

router = APIRouter()

ACK_SECONDS = 1.0


@router.websocket("/ws/calls/{call_id}")
async def call_socket(socket: WebSocket, call_id: str, ticket: str | None = None) -> None:
    """Each message is one byte, 0 for left or 1 for right, and an RTP packet behind it."""
    services: Services = socket.app.state.services
    meter: HttpMeter = socket.app.state.meter
    id = CallId(call_id)
    await socket.accept()  # only an open socket can be told why it is closed
    try:
        session = await services.calls.session_of(id)
        viewer = await socket_viewer(socket, services, ticket, session or SessionId(""))
        await services.calls.get(id, viewer)
        with meter.uploads.track_inprogress():
            async with services.admission.upload(viewer, is_new=False):
                bridge = await services.bridging.open(id, is_connected=True)
                code, reason = await CallSocket(socket, services, bridge).serve()
    except Problem as problem:
        code, reason = close_code(problem), problem.code
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_text(refused(problem))
    except WebSocketDisconnect:
        return
    with suppress(WebSocketDisconnect, RuntimeError):  # it may have gone meanwhile
        await socket.close(code, reason)


class CallSocket:
    """One socket, from `ready` to its close. What was acknowledged stays, and the call is open until it is ended."""

    def __init__(self, socket: WebSocket, services: Services, bridge: Bridge) -> None:
        self._socket, self._services, self._bridge = socket, services, bridge
        self._is_leaving = False

    async def serve(self) -> tuple[int, str]:
        """Take in what comes, until it is over; how the socket is to be closed."""
        await self._say(messages.ready(self._bridge.call.id, self._bridge.tallies()))
        reading, telling = asyncio.create_task(self._read()), asyncio.create_task(self._tell())
        bridging = asyncio.create_task(self._bridge.run())
        try:
            with self._services.departure.goodbye(self._leave):
                await asyncio.wait((reading, bridging), return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    self._bridge.leave()
                call = await bridging
            if reading.done():
                reading.result()  # what came that means nothing is told
        finally:
            for task in (reading, telling, bridging):
                task.cancel()
            await asyncio.gather(reading, telling, bridging, return_exceptions=True)
        if self._is_leaving and call.state is CallState.OPEN:
            return GOING_AWAY, "the server stops"
        await self._say(messages.acknowledged(self._bridge.tallies()))
        await self._say(told("ended", call_id=call.id))
        return NORMAL, "ended"

    def _leave(self) -> None:
        self._is_leaving = True
        self._bridge.leave()

    async def _read(self) -> None:
        meter: HttpMeter = self._socket.app.state.meter
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            if (data := message.get("bytes")) is not None:
                meter.received.inc(len(data))
                self._bridge.take(*messages.packet_of(data))
            else:
                self._bridge.end(messages.heard(message.get("text") or ""))

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(ACK_SECONDS)
            await self._say(messages.acknowledged(self._bridge.tallies()))

    async def _say(self, text: str) -> None:
        """To who still listens; who does not is found out by reading."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send({"type": "websocket.send", "text": text})
