"""A WebSocket's client for an app in the same process."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2
from fastapi import FastAPI
from starlette.types import Message


@dataclass
class Socket:
    """What was said on it, and how it was closed."""

    to_app: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    from_app: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    closed: tuple[int, str] | None = None

    def send(self, said: bytes | dict[str, object] | str) -> None:
        if isinstance(said, bytes):
            self.to_app.put_nowait({"type": "websocket.receive", "bytes": said})
        else:
            text = said if isinstance(said, str) else json.dumps(said)
            self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    def hang_up(self, code: int = 1006) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": code})

    async def told(self) -> dict[str, Any]:
        """The next thing that is said; closed where that is the close."""
        message = await asyncio.wait_for(self.from_app.get(), 60)
        if message["type"] == "websocket.close":
            self.closed = message.get("code", 1000), message.get("reason") or ""
            return {"type": "closed", "code": self.closed[0]}
        said: dict[str, Any] = json.loads(message["text"])
        return said

    async def until(self, type: str) -> dict[str, Any]:
        """What is said of this type, whatever is said before."""
        while (said := await self.told())["type"] != type:
            assert said["type"] != "closed", said
        return said

    async def acknowledged(self, offset: int) -> None:
        while (await self.until("ack"))["offset"] < offset:
            pass

    async def end(self) -> tuple[int, str]:
        """How it is closed, whatever is said before."""
        while self.closed is None:
            await self.told()
        return self.closed


@asynccontextmanager
async def opened(
    client: httpx2.AsyncClient, path: str, *, user: str | None = "alice", **query: str
) -> AsyncIterator[Socket]:
    app: FastAPI = client._transport.app  # type: ignore[attr-defined]
    socket = Socket()
    headers = [(b"host", b"api"), *([(b"authorization", f"Bearer {user}".encode())] if user else [])]
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(query).encode(),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("api", 80),
        "subprotocols": [],
        "state": {},
    }
    socket.to_app.put_nowait({"type": "websocket.connect"})
    running = asyncio.create_task(app(scope, socket.to_app.get, socket.from_app.put))
    try:
        assert (await asyncio.wait_for(socket.from_app.get(), 60))["type"] == "websocket.accept"
        yield socket
    finally:
        socket.hang_up()
        await asyncio.wait_for(running, 60)
