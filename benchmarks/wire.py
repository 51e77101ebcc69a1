"""Uploads over bare sockets, so that the client is not what is measured."""

import asyncio
import os
import socket
from typing import Self
from urllib.parse import urlsplit

import httpx2

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


def recording(size: int) -> bytes:
    """Bytes that begin as a WebM file does; the rest is noise."""
    return WEBM + os.urandom(size - len(WEBM))


def form(data: bytes) -> bytes:
    """The body of an upload."""
    return HEAD + data + TAIL


async def questions(url: str, token: str, count: int) -> list[str]:
    """The upload addresses of so many questions that nobody has answered yet, five to a session."""
    asked = [{"id": f"q{number}", "text": "What was said?"} for number in range(QUESTIONS)]
    headers = {"Authorization": f"Bearer {token}"}
    paths: list[str] = []
    async with httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30) as http:
        while len(paths) < count:
            session = (await http.post("/api/sessions", json={"questions": asked})).json()["session_id"]
            paths += [f"/api/upload-answer/{session}/{question['id']}" for question in asked]
    return paths[:count]


class Wire:
    """A connection to the API that is kept."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_connection((address.hostname, address.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    async def announce(self, path: str, size: int) -> None:
        """Send the head of an upload whose body has so many bytes."""
        lines = (
            f"POST {path} HTTP/1.1",
            "Host: bench",
            f"Authorization: Bearer {self._token}",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            f"Content-Length: {size}",
        )
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def send(self, data: bytes | memoryview) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def accepted(self) -> None:
        """Read the answer; Refused if it is not 202."""
        answer = bytearray()
        while (head := answer.find(b"\r\n\r\n")) < 0 or len(answer) < head + 4 + _length(answer[:head]):
            piece = await self._loop.sock_recv(self._socket, 65536)
            if not piece:
                break
            answer += piece
        if not answer.startswith(b"HTTP/1.1 202"):
            raise Refused(answer.decode(errors="replace"))

    async def upload(self, path: str, body: bytes) -> None:
        await self.announce(path, len(body))
        await self.send(body)
        await self.accepted()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _length(head: bytes | bytearray) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
