"""A recording over a WebSocket: binary messages in, an acknowledgement out for each that is durable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from routes import recorder_messages as messages
from routes.dependencies import Services
from routes.event_socket import GOING_AWAY, NORMAL, TRY_LATER, close_code
from routes.http_metrics import HttpMeter
from routes.listeners import socket_viewer
from routes.recorder_frames import End, Frames
from routes.recorder_messages import Ready
from routes.recorder_news import RecorderNews
from services.access.admission import Slot
from services.errors import (
    LengthInconsistent,
    MessageInvalid,
    OffsetMismatch,
    Problem,
    UploadNotFound,
    UploadTakenOver,
)
from services.interviews.model import PartId, QuestionId, SessionId, Viewer
from services.recordings.arrivals import Arrival, Plan
from services.recordings.slice_uploads import Name, owner_of, question_of

router = APIRouter()

DOOR = "socket"
IDLE_SECONDS = 600.0
NO_CODE = 1005
TRIES = 3


@router.websocket("/ws/audio/{session_id}")
async def audio_socket(
    socket: WebSocket,
    session_id: str,
    question_id: str | None = None,
    upload_id: str | None = None,
    ticket: str | None = None,
) -> None:
    """A recording that ends when its client says `end`."""
    await _answer(socket, session_id, question_id, upload_id, ticket, ends_with_socket=False)


@router.websocket("/voice-stream/{session_id}")
async def voice_stream(
    socket: WebSocket,
    session_id: str,
    question_id: str | None = None,
    upload_id: str | None = None,
    ticket: str | None = None,
) -> None:
    """A recording that ends, too, when its client closes the socket in order."""
    await _answer(socket, session_id, question_id, upload_id, ticket, ends_with_socket=True)


async def _answer(
    socket: WebSocket,
    session_id: str,
    question_id: str | None,
    upload_id: str | None,
    ticket: str | None,
    *,
    ends_with_socket: bool,
) -> None:
    services: Services = socket.app.state.services
    meter: HttpMeter = socket.app.state.meter
    id = SessionId(session_id)
    await socket.accept()  # only an open socket can be told why it is closed
    try:
        viewer = await socket_viewer(socket, services, ticket, id)
        session = await services.interviews.get(id, viewer)
        question = question_of(session, QuestionId(question_id) if question_id else None)
        with meter.uploads.track_inprogress():
            async with services.admission.upload(viewer, is_new=False) as slot:
                recorder = RecorderSocket(
                    socket, services, owner_of(session, viewer), id, question, slot, ends_with_socket=ends_with_socket
                )
                code, reason = await recorder.serve(PartId(upload_id) if upload_id else None)
    except Problem as problem:
        code, reason = _close_code(problem), problem.code
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_text(messages.refused(problem))
    except WebSocketDisconnect:
        return
    with suppress(WebSocketDisconnect, RuntimeError):  # it may have gone meanwhile
        await socket.close(code, reason)


def _close_code(problem: Problem) -> int:
    """As for events; of two who begin at once, the one whose first byte is not taken comes again, and goes on."""
    is_first = isinstance(problem, OffsetMismatch) and problem.provided == 0
    return TRY_LATER if is_first else close_code(problem)


class RecorderSocket:
    """One socket, from `ready` to its close. What was acknowledged stays, whatever becomes of it."""

    def __init__(
        self,
        socket: WebSocket,
        services: Services,
        viewer: Viewer,
        session_id: SessionId,
        question_id: QuestionId,
        slot: Slot,
        *,
        ends_with_socket: bool,
    ) -> None:
        self._socket, self._services, self._viewer, self._slot = socket, services, viewer, slot
        self._session, self._question = session_id, question_id
        self._ends_with_socket = ends_with_socket
        self._arrivals = services.arrivals
        self._frames = Frames(IDLE_SECONDS)
        self._news = RecorderNews(services, viewer, session_id, question_id)
        self._durable = self._told = 0
        self._is_greeted = False
        self._bytes: int | None = None
        self._refusal: Problem | None = None

    async def serve(self, upload_id: PartId | None) -> tuple[int, str]:
        """Take in what comes, until it is over; how the socket is to be closed."""
        arrival = await self._found(upload_id)
        if arrival is not None and (arrival.is_complete or arrival.is_closing):
            return await self._finished(arrival)
        reading = asyncio.create_task(self._read())
        beside = [reading, asyncio.create_task(self._tell_news())]
        try:
            with self._services.departure.goodbye(partial(self._frames.over, End.LEAVING)):
                recorded = await self._recorded(arrival)
                if reading.done():
                    reading.result()  # nobody foresaw it, or there is none
                return await self._over(recorded)
        finally:
            self._frames.over(End.BROKEN)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _found(self, upload_id: PartId | None) -> Arrival | None:
        """What is to go on: the upload of this id, else what arrives of this answer by a socket."""
        if upload_id is None:
            arrival = await self._arrivals.newest(self._name.key, self._viewer)
            if arrival is not None and arrival.is_closing:
                await self._arrivals.end_of(arrival.part.id)  # two of one answer do not arrive at once
                return None
            return None if arrival is None or arrival.is_complete else arrival
        arrival = await self._arrivals.find(upload_id, self._viewer)
        if (arrival.part.session_id, arrival.part.question_id) != (self._session, self._question):
            raise UploadNotFound
        return arrival

    @property
    def _name(self) -> Name:
        return Name.of_answer(DOOR, self._session, self._question)

    async def _recorded(self, arrival: Arrival | None) -> Arrival | None:
        """What came, as far as it has come; None where nothing did."""
        if arrival is None:
            await self._greet(None, 0)
            if not await self._frames.wait():
                return None
            arrival = await self._arrivals.begin(
                self._session, self._question, self._viewer, Plan(DOOR, key=self._name.key)
            )
            if arrival.offset:  # another socket, told the same as this one, has begun it meanwhile
                raise OffsetMismatch(arrival.offset, 0)
            await self._say(messages.told("begun", upload_id=arrival.part.id, take=arrival.part.take))
        self._news.of(arrival.part.take)
        try:
            return await self._appended(arrival)
        except UploadTakenOver:
            raise  # it is the newer one's now
        except Problem:
            await self._give_up_empty(arrival.part.id)
            raise

    async def _appended(self, arrival: Arrival) -> Arrival:
        """Behind what has been received, which may have grown by what another socket still brought."""
        at = arrival.offset
        for left in reversed(range(TRIES)):
            try:
                self._durable = self._told = at
                data = self._pieces(arrival.part.id, at)
                return await self._arrivals.append(
                    arrival.part.id, self._viewer, at, data, takes_over=True, told=self._hear
                )
            except OffsetMismatch as other:
                if self._is_greeted or not left:
                    raise
                at = other.expected
        raise AssertionError("unreachable")

    async def _pieces(self, id: PartId, at: int) -> AsyncIterator[bytes]:
        await self._greet(id, at)
        while await self._frames.wait():
            yield self._frames.take()
            if self._told < self._durable:
                self._told = self._durable
                await self._say(messages.acknowledged(self._told))

    def _hear(self, offset: int) -> None:
        self._durable = offset

    async def _greet(self, id: PartId | None, offset: int) -> None:
        if not self._is_greeted:
            self._is_greeted = True
            await self._say(Ready(self._question, id, offset).text())

    async def _say(self, text: str) -> None:
        """To who still listens; who does not is found out by reading."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send({"type": "websocket.send", "text": text})

    async def _over(self, arrival: Arrival | None) -> tuple[int, str]:
        """What becomes of the recording, and of the socket."""
        match self._frames.end:
            case End.ENDED:
                return await self._finished(self._whole(arrival))
            case End.ABORTED:
                if arrival is not None:
                    await self._arrivals.abort(arrival.part.id, self._viewer)
                await self._say(messages.told("aborted"))
                return NORMAL, "aborted"
            case End.CLOSED if self._ends_with_socket and arrival is not None and arrival.offset:
                return await self._finished(arrival)
            case End.REFUSED if self._refusal is not None:
                raise self._refusal
            case End.LEAVING:
                return GOING_AWAY, "the server stops"
            case End.IDLE:
                return NORMAL, "nothing came for long"
            case _:
                raise WebSocketDisconnect

    def _whole(self, arrival: Arrival | None) -> Arrival:
        """What is to be finished; LengthInconsistent where the client has sent another number of bytes."""
        if arrival is None:
            raise UploadNotFound("Nothing of this recording has come. Send it, then end it.")
        if self._bytes is not None and self._bytes != arrival.offset:
            raise LengthInconsistent(
                f"{arrival.offset} bytes of the recording have come, and not {self._bytes}. Go on from there, or abort."
            )
        return arrival

    async def _finished(self, arrival: Arrival) -> tuple[int, str]:
        await self._slot.reserve(0.0)
        part = await self._arrivals.finish(arrival.part.id, self._viewer)
        await self._say(messages.accepted(part, arrival.part.id))
        return NORMAL, "complete"

    async def _give_up_empty(self, id: PartId) -> None:
        """A recording of which nothing came would be waited for."""
        with suppress(Problem):
            arrival = await self._arrivals.find(id, self._viewer)
            if arrival.door == DOOR and not arrival.offset:
                await self._arrivals.abort(id, self._viewer)

    async def _read(self) -> None:
        """Take what the client sends, until it is gone or says that it is over."""
        meter: HttpMeter = self._socket.app.state.meter
        try:
            while self._frames.end is None:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    in_order = message.get("code", NO_CODE) in (NORMAL, NO_CODE)
                    self._frames.over(End.CLOSED if in_order else End.BROKEN)
                elif (data := message.get("bytes")) is not None:
                    meter.received.inc(len(data))
                    if data:
                        await self._frames.put(data)
                else:
                    await self._heed(messages.heard(message.get("text") or ""))
        except Problem as problem:
            self._refusal = problem
            self._frames.over(End.REFUSED)
        finally:
            self._frames.over(End.BROKEN)  # by what else has ended it

    async def _heed(self, said: messages.Said) -> None:
        if said.type == "end":
            self._bytes = said.bytes
            self._frames.over(End.ENDED)
        elif said.type == "abort":
            self._frames.over(End.ABORTED)
        elif said.chunk_index is None:
            raise MessageInvalid
        else:
            await self._tell_of(said.chunk_index)

    async def _tell_of(self, index: int) -> None:
        """Whether a slice that went through another door is here."""
        await self._services.admission.request(self._viewer)
        for text in await self._news.uploaded(index):
            await self._say(text)

    async def _tell_news(self) -> None:
        async for text in self._news.texts():
            await self._say(text)
