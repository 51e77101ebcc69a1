"""A client that takes nothing of a large answer is hung up on; one that is slow is served."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from app import slow_readers
from tests.in_process import served

MB = 1_000_000
SIZE = 30 * MB
HEAD = b"GET / HTTP/1.1\r\nHost: api\r\n\r\n"


@dataclass
class Endless:
    """An app that sends a large answer in pieces."""

    piece: int = MB
    sent: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        assert callable(send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(SIZE // self.piece):
            await send({"type": "http.response.body", "body": b"x" * self.piece, "more_body": True})
            self.sent += self.piece
        await send({"type": "http.response.body", "body": b""})
        self.ended.set()


async def test_who_takes_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_readers, "IDLE_SECONDS", 0.3)
    app = Endless()
    async with served(app) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(HEAD)
        await asyncio.wait_for(app.ended.wait(), 30)  # what is sent to nobody is thrown away
        assert not server.server_state.connections
        writer.close()


async def test_who_is_slow_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_readers, "IDLE_SECONDS", 1.0)
    async with served(Endless(SIZE)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(HEAD)
        taken = 0
        while taken < SIZE:
            piece = await reader.read(MB)
            assert piece, taken
            taken += len(piece)
            if taken < SIZE / 2:
                await asyncio.sleep(0.05)
        writer.close()


async def test_who_takes_nothing_does_not_hold_up_the_stop() -> None:
    app = Endless()
    async with served(app) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(HEAD)
        while not app.sent:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
    assert app.sent > 0
    writer.close()


class Whole(Endless):
    """An app that sends a large answer at once, as most routes do."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        assert callable(send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * SIZE})


async def test_who_takes_next_to_nothing_is_hung_up_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_readers, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(slow_readers, "LEAST_BYTES_A_SECOND", 100 * MB)
    async with served(Whole()) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(HEAD)
        await reader.read(1000)
        while server.server_state.connections:
            await asyncio.sleep(0.01)
            if not reader.at_eof():
                with suppress(ConnectionError):
                    await reader.read(1000)  # a little now and then
        writer.close()


async def test_what_waits_for_slow_clients_is_bounded_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_readers, "MOST_UNREAD_BYTES", 3 * SIZE)
    async with served(Whole()) as (server, port):
        lines = []
        for _ in range(6):
            lines.append(await asyncio.open_connection("127.0.0.1", port, limit=1000))
            lines[-1][1].write(HEAD)
            await lines[-1][0].read(1000)
        while len(server.server_state.connections) > 3:
            await asyncio.sleep(0.01)
        reader, writer = lines[-1]  # the last to come is served
        assert await reader.read(1000)
        for _, writer in lines:
            writer.transport.abort()
        while server.server_state.connections:
            await asyncio.sleep(0.01)
    assert not slow_readers.Draining.unread
