"""The one place through which a request's body is read: its size, then who sends it and how often, then the bytes.

Uploads are large, and bound their bodies further where they are read: see `multipart` and `patience`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.dependencies import Services, bearer, viewer_of
from routes.errors import problem_response
from routes.prefix import MICROPHONE_TEST, is_upload, route_of
from services.errors import AudioTooLarge, BodyStalled, BodyTooLarge, Problem
from services.transcription.microphone_tests import MOST_BYTES as MOST_SOUND_BYTES

MOST_BYTES = 256 * 1024
MOST_SECONDS = 20.0
DRAINED_BYTES = 8 * 1024 * 1024
DRAINED_SECONDS = 5.0
MOST_DRAINED = 256


@dataclass(frozen=True, slots=True)
class Bound:
    """How large a body may be, and what is said of a larger one."""

    bytes: int
    problem: type[Problem]


JSON = Bound(MOST_BYTES, BodyTooLarge)
SOUND = Bound(MOST_SOUND_BYTES, AudioTooLarge)


class GuardedBodies:
    """Middleware: a body over the cap is refused unread; of others no byte is read before its sender is known."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope) or is_upload(scope):
            await self.app(scope, receive, send)
        elif _declared(scope) > _bound(scope).bytes:
            await problem_response(_bound(scope).problem())(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Guarded(scope, receive)

        async def send_unless_refused(message: Message) -> None:
            if body.refusal is None:
                await send(message)

        try:
            with suppress(Problem):
                await self.app(scope, body.receive, send_unless_refused)
        finally:
            body.leave()
        if body.refusal is not None:
            await problem_response(body.refusal)(scope, receive, send)


class _Guarded:
    """A body on its way in; why it was refused, if it was, whatever became of the problem that said so."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope, self._receive = scope, receive
        self._bound = _bound(scope)
        self._size = 0
        self._is_over = False
        self._deadline: float | None = None
        self._leave: Callable[[], None] | None = None
        self.refusal: Problem | None = None

    async def receive(self) -> Message:
        if self._is_over:
            return await self._receive()
        try:
            return await self._next()
        except Problem as problem:
            self.refusal = problem
            raise

    def leave(self) -> None:
        """Give back the place among the bodies that are on their way."""
        if self._leave is not None:
            self._leave()
            self._leave = None

    async def _next(self) -> Message:
        if self._deadline is None:
            await self._enter()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise BodyStalled from None
        self._size += len(message.get("body", b""))
        if self._size > self._bound.bytes:
            raise self._bound.problem
        if not message.get("more_body", False):
            self._is_over = True
            self.leave()
        return message

    async def _enter(self) -> None:
        request = Request(self._scope)
        services: Services = request.app.state.services
        viewer = await viewer_of(request, services, await bearer(request))
        self._leave = services.admission.enter_body(viewer)
        self._deadline = asyncio.get_running_loop().time() + MOST_SECONDS


class ClosedAfterRefusal:
    """Middleware: who is answered before the body is over is told so, and is listened to for a little while only.

    Hanging up at once would make the client's system throw the answer away unread; listening for
    as long as it sends would give anyone a connection that costs work for ever.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.listened_to = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        body = _Watched(scope, receive)

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start" and body.goes_on:
                MutableHeaders(scope=message)["Connection"] = "close"
                body.refused = True
            if message["type"] != "http.response.body" or message.get("more_body") or not body.refused:
                await send(message)
                return
            await send({**message, "more_body": True})
            await self._drain(body)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app(scope, body.receive, send_and_close)

    async def _drain(self, body: "_Watched") -> None:
        """Listen on, unless that is done for so many already that they cannot all be honest."""
        if self.listened_to >= MOST_DRAINED:
            return
        self.listened_to += 1
        try:
            await body.drain()
        finally:
            self.listened_to -= 1


class _Watched:
    """A body, and whether it is over."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._waits_for_leave = Headers(scope=scope).get("expect", "").lower() == "100-continue"
        self.goes_on = True
        self.refused = False

    async def receive(self) -> Message:
        self._waits_for_leave = False
        message = await self._receive()
        self.goes_on = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read on, for the client's sake, within bounds; a client that waits for leave to send has nothing to read."""
        left = 0 if self._waits_for_leave else DRAINED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                while self.goes_on and left > 0:
                    left -= len((await self.receive()).get("body", b""))


def _bound(scope: Scope) -> Bound:
    return SOUND if route_of(scope) == MICROPHONE_TEST else JSON


def _has_body(scope: Scope) -> bool:
    return _declared(scope) > 0 or "transfer-encoding" in Headers(scope=scope)


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0
