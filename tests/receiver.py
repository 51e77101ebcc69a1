"""Somebody else's server that takes webhooks: on loopback, with what it answers said by the test."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from standardwebhooks import Webhook as Verifier

from tests.loopback import Handler, serving


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

    class Receiving(Handler):
        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.take(Got(self.path, headers, self.body()))
            try:
                self.reply(answer)
            except OSError:  # the client has hung up
                pass
            finally:
                receiver.at_once -= 1

        def reply(self, answer: Answer) -> None:
            if answer.hangs:
                receiver.over.wait()
            elif answer.endless:
                self.begin(answer.status, answer.headers)
                self.wfile.write(answer.body)
                while not receiver.over.is_set():
                    self.wfile.write(b"x" * 65536)
            else:
                self.give(answer.status, answer.body, answer.headers)

    with serving(Receiving, port=port, tls=tls) as url:
        receiver.url = f"{url}/hooks"
        try:
            yield receiver
        finally:
            receiver.over.set()
