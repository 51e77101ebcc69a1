"""Somebody else's server that takes webhooks: on loopback, with what it answers said by the test."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from standardwebhooks import Webhook as Verifier


@dataclass(frozen=True)
class Answer:
    """`body` may be sent in pieces without end; `hangs` keeps the client waiting until the receiver closes."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    endless: bool = False
    hangs: bool = False


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> dict[str, Any]:
        """What the reference library makes of it; an error if the signature is not good, or not of now."""
        return cast(dict[str, Any], Verifier(secret).verify(self.body, self.headers))

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Gives its answers in turn, then the last one for ever."""

    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    seen: list[Got] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, got: Got) -> Answer:
        with self.lock:
            self.seen.append(got)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def of_type(self, type: str) -> list[Got]:
        return [got for got in self.seen if f'"type":"{type}"' in got.body.decode()]


@contextmanager
def receiving(*answers: Answer, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(answers=list(answers) or [Answer()])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.take(Got(self.path, headers, body))
            try:
                self.give(answer)
            except OSError:  # the client has hung up
                pass
            finally:
                receiver.at_once -= 1

        def give(self, answer: Answer) -> None:
            if answer.hangs:
                receiver.over.wait()
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if not answer.endless:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            while answer.endless and not receiver.over.is_set():
                self.wfile.write(b"x" * 65536)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hooks"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        with suppress(OSError):
            server.server_close()
        thread.join()
