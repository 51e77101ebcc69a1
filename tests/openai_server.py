"""A loopback server that speaks OpenAI's wire format, as well or as badly as it is told to.

    with OpenAIServer() as server:
        client = openai.AsyncOpenAI(base_url=server.url, api_key="any")
        server.script(busy(retry_after=7), says("Good morning."))

Each call is answered by the next line of the script, and when that is over by `server.text` or `server.points`.
"""

import io
import json
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Self

from python_multipart.multipart import parse_form

from tests.loopback import Handler, serving

MODEL = "loopback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back over the wire; with `drip`, a byte every so many seconds; with `reset`, nothing at all."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    fields: dict[str, list[str]]
    file_name: str | None
    file: bytes
    json: Any


def _json(value: object, status: int = 200, **more: Any) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode(), **more)


def says(text: str, **more: object) -> Reply:
    """A transcription; more fields make it a verbose one."""
    return _json({"text": text, **more})


def completes(content: str | None, *, refusal: str | None = None, finish_reason: str = "stop") -> Reply:
    """A chat completion with this content."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "finish_reason": finish_reason, "message": message, "logprobs": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL}
    return _json({**head, "choices": [choice], "usage": usage})


def judges(*points: dict[str, object]) -> Reply:
    """A completion that judges these points."""
    return completes(json.dumps({"points": points}))


def fails(status: int, *, message: str = "Scripted.", code: str | None = None, retry_after: object = None) -> Reply:
    """An error in OpenAI's own shape."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = {"message": message, "type": "scripted", "param": None, "code": code}
    return _json({"error": error}, status, headers=headers)


def busy(retry_after: object = 7) -> Reply:
    return fails(429, code="rate_limit_exceeded", retry_after=retry_after)


def not_json(body: bytes = b"<html>a proxy's page</html>", content_type: str = "text/html") -> Reply:
    return Reply(body=body, content_type=content_type)


def drips(seconds: float = 0.05) -> Reply:
    """An answer that always goes on arriving and takes minutes to be complete."""
    return Reply(body=b" " * 10_000 + b'{"text": "late"}', drip=seconds)


def resets() -> Reply:
    """The connection is cut after the request was read."""
    return Reply(reset=True)


class OpenAIServer:
    """Listens on a free port from `with` to its end; `received` holds every request."""

    def __init__(self) -> None:
        self.text = "Hello from the loopback server."
        self.points: list[dict[str, object]] = []
        self.received: list[Received] = []
        self.on_request: Callable[[Received], None] = lambda received: None
        self._script: deque[Reply] = deque()
        self._closing = threading.Event()
        self._open = ExitStack()
        self._address = ""

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{self._address}/v1"

    def script(self, *replies: Reply) -> None:
        """Answer the next calls so, in this order."""
        self._script.extend(replies)

    def __enter__(self) -> Self:
        self._address = self._open.enter_context(serving(self._handler()))
        return self

    def __exit__(self, *problem: object) -> None:
        self._closing.set()
        self._open.close()

    def reply(self, received: Received) -> Reply:
        """The next line of the script, or what the address answers in good health."""
        self.received.append(received)
        self.on_request(received)
        with suppress(IndexError):
            return self._script.popleft()
        if received.path.endswith("/audio/transcriptions"):
            return says(self.text)
        if received.path.endswith("/chat/completions"):
            return judges(*self.points)
        if received.path.endswith("/models"):
            return _json({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "us"}]})
        return fails(404)

    def _handler(self) -> type[Handler]:
        server = self

        class Speaking(Handler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def answer(self) -> None:
                reply = server.reply(_received(self.path, dict(self.headers.items()), self.body()))
                with suppress(OSError):
                    self._send(reply)

            def _send(self, reply: Reply) -> None:
                if reply.reset:
                    self._reset()
                    return
                about = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))}
                self.begin(reply.status, {**reply.headers, **about}.items())
                step = 1 if reply.drip else max(1, len(reply.body))
                for at in range(0, len(reply.body), step):
                    self.wfile.write(reply.body[at : at + step])
                    if reply.drip and server._closing.wait(reply.drip):
                        break

            def _reset(self) -> None:
                self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()

        return Speaking


def _received(path: str, headers: dict[str, str], body: bytes) -> Received:
    lower = {name.lower(): value for name, value in headers.items()}
    if not lower.get("content-type", "").startswith("multipart/form-data"):
        return Received(path, lower, {}, None, b"", json.loads(body or b"null"))
    fields: dict[str, list[str]] = {}
    files: list[tuple[str, bytes]] = []

    def on_field(part: Any) -> None:
        fields.setdefault(part.field_name.decode(), []).append(part.value.decode())

    def on_file(part: Any) -> None:
        part.file_object.seek(0)
        files.append((part.file_name.decode(), part.file_object.read()))
        part.close()

    parse_form({k.title(): v.encode() for k, v in lower.items()}, io.BytesIO(body), on_field, on_file)
    name, file = files[0] if files else (None, b"")
    return Received(path, lower, fields, name, file, None)
