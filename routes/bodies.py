"""How much of a request's body is read: no more than fits its purpose, and not for ever once it is refused."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.errors import problem_response
from services.errors import BodyTooLarge

UPLOADS = "/api/upload-answer/"
MOST_BYTES = 1024 * 1024
DRAINED_BYTES = 8 * 1024 * 1024
DRAINED_SECONDS = 5.0


class CappedBodies:
    """Middleware: a body over the cap is refused before it is read whole. Uploads have a cap of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UPLOADS):
            await self.app(scope, receive, send)
        elif _declared(scope) > MOST_BYTES:
            await problem_response(BodyTooLarge())(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MOST_BYTES:
                raise BodyTooLarge
            return message

        async def send_unless_too_large(message: Message) -> None:
            if size <= MOST_BYTES:
                await send(message)

        with suppress(BodyTooLarge):
            await self.app(scope, counted, send_unless_too_large)
        if size > MOST_BYTES:
            await problem_response(BodyTooLarge())(scope, receive, send)


class ClosedAfterRefusal:
    """Middleware: who is answered before the body is over is told so, and is listened to for a little while only.

    Hanging up at once would make the client's system throw the answer away unread; listening for
    as long as it sends would give anyone a connection that costs work for ever.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

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
            await body.drain()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app(scope, body.receive, send_and_close)


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


def _has_body(scope: Scope) -> bool:
    return _declared(scope) > 0 or "transfer-encoding" in Headers(scope=scope)


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0
