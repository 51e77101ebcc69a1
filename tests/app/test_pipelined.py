"""Requests that came together on one connection: the one in work hears that its client is gone, and few wait behind."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from app.guarded_http import MOST_BEHIND
from tests.app.test_slow_readers import HEAD
from tests.in_process import served


@dataclass
class Stream:
    """An app that sends on until it hears that the client is gone."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sending = asyncio.create_task(self._send(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ended.set()
        sending.cancel()

    async def _send(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"more", "more_body": True})
            await asyncio.sleep(0.01)


async def test_a_stream_with_another_request_behind_it_ends_with_its_client() -> None:
    app = Stream()
    async with served(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + HEAD)
        await reader.readuntil(b"more")
        writer.close()
        await asyncio.wait_for(app.ended.wait(), 60)


@dataclass
class Held:
    """An app that answers nobody before it is let go."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    is_let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        await self.is_let_go.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_requests_that_came_together_are_all_answered() -> None:
    app = Held()
    async with served(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD * (1 + MOST_BEHIND))
        await app.begun.wait()
        app.is_let_go.set()
        for _ in range(1 + MOST_BEHIND):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
        writer.close()


async def test_who_sends_requests_without_waiting_for_answers_is_hung_up_on() -> None:
    """Each waits in memory, a hundred times as large as it came: so one connection could fill it, without a token."""
    app = Held()
    async with served(app) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD * 1000)
        try:
            assert await asyncio.wait_for(reader.read(), 60) == b""
            assert not server.server_state.connections
        finally:
            app.is_let_go.set()
            writer.close()


async def how_long(scope: Any, receive: Any, send: Any) -> None:
    """An app that answers how many bytes a body had."""
    size, goes_on = 0, True
    while goes_on:
        message = await receive()
        size, goes_on = size + len(message.get("body", b"")), message.get("more_body", False)
    answer = f"{size:8}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": answer})


async def test_a_request_that_comes_with_the_end_of_a_large_body_is_answered_too() -> None:
    size = 200_000
    async with served(how_long) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n" % size + b"x")
        await writer.drain()
        writer.write(b"x" * (size - 1) + HEAD)
        for expected in (size, 0):
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            assert int(await reader.readexactly(8)) == expected
        writer.close()
