"""uvicorn's HTTP protocol with limits on the head of a request, of which uvicorn and its parser set none.

Run by `uvicorn --http app.guarded_http:GuardedHttp`. Without it, a head that never ends fills the memory, and
connections that never send one use up the file descriptors; a reverse proxy in front has such limits too.
What comes after the head is bounded in `routes.bodies`.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.body_coalescing import Gathered
from app.slow_readers import Draining

HEAD_SECONDS = 10.0
MOST_HEAD_BYTES = 64 * 1024
MOST_HEADERS = 100
MOST_FRAMING = 8
MOST_BEHIND = 16
MOST_WAITING = 1000
SOON_SECONDS = 1.0
LEAVE = "leave"

HEAD = (
    b"content-type: application/problem+json\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n"
)
DETAIL = {
    HTTPStatus.BAD_REQUEST: "This is no valid HTTP request.",
    HTTPStatus.REQUEST_TIMEOUT: "The head of the request did not arrive in time.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The head of the request is too large.",
    HTTPStatus.NOT_IMPLEMENTED: "Of transfer codings chunked alone is understood, and no body with Upgrade. "
    "Send the body as it is.",
}


class GuardedHttp(Draining, HttpToolsProtocol):
    """A connection whose requests must have begun, and their heads ended, within bounds.

    Of many connections that wait for a head, those that have waited longest are hung up on, so that whoever opens
    them by the thousand takes the room of none but himself. Behind a request in work few more are taken in: uvicorn
    reads on with each answer, whatever waits. When the server stops it says so inside, so that what
    listens ends and does not hold up the stop, and uploads that do not end are told so.
    """

    waiting: ClassVar[dict["GuardedHttp", float]] = {}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.reads_head = True
        self.heads = self.head_bytes = 0
        self.after_head = self.body_bytes = 0
        self.refusal = HTTPStatus.BAD_REQUEST
        self.deadline: asyncio.TimerHandle | None = None
        self.running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.waiting.pop(self, None)
        self._tell_the_running()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if leave := self.app_state.get(LEAVE):
            leave(self.config.timeout_graceful_shutdown)
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        read_head, heads = self.reads_head, self.heads
        super().data_received(data)
        if not read_head and heads == self.heads and not self.transport.is_closing():
            self._count_framing(len(data))
        if not read_head or heads != self.heads or self.transport.is_closing():
            return  # what arrived is, at least in part, something else
        self.head_bytes += len(data)
        if self.head_bytes > MOST_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self.deadline is None:
            self._arm()

    def on_header(self, name: bytes, value: bytes) -> None:
        """White space behind a value is no part of it; the parser leaves it there."""
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self.reads_head, self.head_bytes = False, 0
        self.heads += 1
        self.after_head = self.body_bytes = 0
        self._disarm()
        self.waiting.pop(self, None)
        if len(self.headers) > MOST_HEADERS:
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        elif any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in self.headers):
            self.refusal = HTTPStatus.NOT_IMPLEMENTED
        elif self.parser.should_upgrade() and self._has_body():
            self.refusal = HTTPStatus.NOT_IMPLEMENTED  # the parser would take the body for another request
        if self.refusal is not HTTPStatus.BAD_REQUEST or len(self.pipeline) >= MOST_BEHIND:
            raise ValueError  # the parser stops, and uvicorn calls send_400_response
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            self.cycle.message_event = Gathered(self.cycle, self.loop)

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
            for name, value in self.headers
        )

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def _tell_the_running(self) -> None:
        """Of several requests that came together uvicorn tells the newest alone that the client is gone."""
        if self.running is not None and not self.running.response_complete:
            self.running.disconnected = True
            self.running.message_event.set()

    def _count_framing(self, size: int) -> None:
        """Chunks of one byte come as six; what goes far beyond that is no body, but lines that nobody reads."""
        self.after_head += size
        if self.after_head > MOST_HEAD_BYTES + MOST_FRAMING * self.body_bytes:
            self.transport.abort()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.reads_head, self.head_bytes = True, 0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._wait()

    def _wait(self) -> None:
        """Wait for a head; too many that do so go, but for those that have only just come."""
        now = self.loop.time()
        self.waiting.pop(self, None)
        self.waiting[self] = now
        while len(self.waiting) > MOST_WAITING:
            longest, since = next(iter(self.waiting.items()))
            if now - since < SOON_SECONDS:
                return
            del self.waiting[longest]
            longest.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self.refusal)

    def _arm(self) -> None:
        self.deadline = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _disarm(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _too_late(self) -> None:
        self.deadline = None
        if self.head_bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer, unless another answer is on its way, and hang up."""
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(answer(status))
            self.transport.close()


def answer(status: HTTPStatus) -> bytes:
    """What a connection is told before it is hung up on."""
    code = status.name.lower()
    named = {"type": f"/problems/{code}", "title": status.phrase, "status": status.value}
    body = json.dumps({**named, "detail": DETAIL[status], "code": code}).encode()
    head = HEAD % len(body)
    return STATUS_LINE[status] + head + body
