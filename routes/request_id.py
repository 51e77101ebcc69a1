"""A name for each request, in its answer's headers and in every log line about it."""

import re
import secrets
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

HEADER = "X-Request-ID"
# What a request's state holds of the problem that was its answer.
CODE = "problem"
_FIT = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Middleware: takes a caller's id if it is fit to be logged, else makes one; a line for each 5xx names it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        id = given if _FIT.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = id

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = id
                if message["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    code = scope["state"].get(CODE)
                    log.warning("answered by an error", status=message["status"], code=code, method=scope["method"])
            await send(message)

        with structlog.contextvars.bound_contextvars(request=id):
            await self.app(scope, receive, send_named)
