"""Uploads over bare sockets, so that the client is not what is measured."""

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httpx2

from services.adapters.jwt_tokens import mint

BOUNDARY = "viva-voce-bench"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n'
    "Content-Type: audio/webm\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581021853806701ffffffffffffff")
QUESTIONS = 5


class Refused(Exception):
    """The API did not take an upload; the message is its answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """A question that nobody has answered yet, and the token of whose it is."""

    session: str
    question: str
    token: str

    @property
    def upload(self) -> str:
        return f"/api/upload-answer/{self.session}/{self.question}"

    @property
    def status(self) -> str:
        return f"/api/transcription-status/{self.session}/{self.question}"


def recording(size: int) -> bytes:
    """Bytes that begin as a WebM file does; the rest is noise."""
    return WEBM + os.urandom(size - len(WEBM))


def form(data: bytes) -> bytes:
    """The body of an upload."""
    return HEAD + data + TAIL


async def questions(url: str, secret: str, count: int) -> list[Target]:
    """So many questions, five to a session; each session is another user's."""
    asked = [{"id": f"q{number}", "text": "What was said?"} for number in range(QUESTIONS)]
    targets: list[Target] = []
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
        for token in _tokens(secret, count):
            headers = {"Authorization": f"Bearer {token}"}
            made = await http.post("/api/sessions", json={"questions": asked}, headers=headers)
            targets += [Target(made.json()["session_id"], question["id"], token) for question in asked]
    return targets[:count]


def unknown_questions(secret: str, count: int) -> list[Target]:
    """The same for an API that knows no sessions."""
    made = [Target(os.urandom(12).hex(), f"q{n}", token) for token in _tokens(secret, count) for n in range(QUESTIONS)]
    return made[:count]


def _tokens(secret: str, count: int) -> Iterator[str]:
    for number in range(-(-count // QUESTIONS)):
        yield mint(secret, f"user-{os.urandom(4).hex()}-{number}", admin=False, seconds=3600)


class Wire:
    """A connection to the API that is kept."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_connection((address.hostname, address.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    async def announce(self, target: Target, size: int) -> None:
        """Send the head of an upload whose body has so many bytes."""
        await self._head(
            f"POST {target.upload} HTTP/1.1",
            target,
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            f"Content-Length: {size}",
        )

    async def send(self, data: bytes | memoryview) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def accepted(self) -> None:
        """Read the answer; Refused if it is not 202."""
        await self._answer(b"HTTP/1.1 202")

    async def upload(self, target: Target, body: bytes) -> None:
        await self.announce(target, len(body))
        await self.send(body)
        await self.accepted()

    async def poll(self, target: Target) -> None:
        """Ask for the status of an answer; Refused if there is none."""
        await self._head(f"GET {target.status} HTTP/1.1", target)
        await self._answer(b"HTTP/1.1 200")

    async def _head(self, first: str, target: Target, *more: str) -> None:
        lines = (first, "Host: bench", f"Authorization: Bearer {target.token}", *more)
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def _answer(self, good: bytes) -> None:
        answer = bytearray()
        while (head := answer.find(b"\r\n\r\n")) < 0 or len(answer) < head + 4 + _length(answer[:head]):
            piece = await self._loop.sock_recv(self._socket, 65536)
            if not piece:
                break
            answer += piece
        if not answer.startswith(good):
            raise Refused(answer.decode(errors="replace") or "The connection was closed without an answer.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _length(head: bytes | bytearray) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
