"""What holds for every request of tus, before it is known what it asks for."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.errors import problem_response
from routes.prefix import is_of_uploads
from routes.resumable import draft_headers
from services.errors import TusVersionUnsupported

VERSION = "1.0.0"
RESUMABLE = "Tus-Resumable"
OVERRIDE = "X-HTTP-Method-Override"
_METHOD = re.compile(r"[A-Z]{1,16}")


def speaks_tus(headers: Headers) -> bool:
    return RESUMABLE in headers


class MethodOverride:
    """Middleware: who cannot send PATCH or DELETE sends another method, and names the one that is meant."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_of_uploads(scope):
            meant = Headers(scope=scope).get(OVERRIDE, "").upper()
            if _METHOD.fullmatch(meant):
                scope = {**scope, "method": meant}
        await self.app(scope, receive, send)


class TusProtocol:
    """Middleware: of another version nothing is done (412); each answer names the version, whatever it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_of_uploads(scope):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault(RESUMABLE, VERSION)
            await send(message)

        if _is_refused(scope["method"], headers):
            answer = problem_response(TusVersionUnsupported())
            answer.headers["Tus-Version"] = VERSION
            await answer(scope, receive, send_named)
        else:
            named = send if draft_headers.is_named(headers) else send_named
            await self.app(scope, receive, named)


def _is_refused(method: str, headers: Headers) -> bool:
    if method == "OPTIONS":
        return False
    if speaks_tus(headers):
        return headers[RESUMABLE] != VERSION
    if method == "POST":
        return True
    return method == "PATCH" and not (draft_headers.is_named(headers) or draft_headers.is_partial(headers))
