"""Of connections that send nothing only so many are held; who has something to say gets through."""

import asyncio

import pytest

from app import guarded_http
from tests.app.test_slow_readers import HEAD, MB, Endless
from tests.in_process import served


async def test_who_opens_many_and_says_nothing_loses_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "MOST_WAITING", 5)
    monkeypatch.setattr(guarded_http, "SOON_SECONDS", 0.0)
    async with served(Endless(piece=30 * MB)) as (server, port):
        busy, asking = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        asking.write(HEAD)
        await busy.read(1000)
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(25)]
        first = [reader for reader, _ in silent[:20]]
        assert await asyncio.gather(*(reader.read() for reader in first)) == [b""] * 20  # hung up on
        assert len(server.server_state.connections) <= 6
        assert await busy.read(1000)  # who is being answered is not
        reader, writer = silent[-1][0], silent[-1][1]
        writer.write(HEAD)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        for _, line in (*silent, (busy, asking)):
            line.transport.abort()
        while server.server_state.connections:
            await asyncio.sleep(0.01)


async def test_a_crowd_that_has_only_just_come_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "MOST_WAITING", 5)
    monkeypatch.setattr(guarded_http, "SOON_SECONDS", 60.0)
    async with served(Endless(piece=MB)) as (server, port):
        crowd = [await asyncio.open_connection("127.0.0.1", port, limit=1000) for _ in range(25)]
        for reader, writer in crowd:
            writer.write(HEAD)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.transport.abort()
        while server.server_state.connections:
            await asyncio.sleep(0.01)


class Taker:
    """An app that reads a body to its end."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        assert callable(receive)
        assert callable(send)
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


CHUNKED = b"POST / HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = {
    "trailers": (b"0\r\n", b"X-A: 1\r\n" * 1000),
    "one trailer": (b"0\r\nX-A: ", b"x" * 8000),
    "a chunk's extension": (b"1;a=", b"x" * 8000),
}


@pytest.mark.parametrize("kind", LINES)
async def test_lines_without_end_around_a_body_are_not_listened_to(kind: str) -> None:
    begin, more = LINES[kind]
    async with served(Taker()) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED + begin)
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                writer.write(more)
                await writer.drain()
        while server.server_state.connections:
            await asyncio.sleep(0.01)


async def test_a_body_in_the_smallest_chunks_is_a_body() -> None:
    async with served(Taker()) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED + b"1\r\nx\r\n" * 100_000 + b"0\r\nX-A: 1\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.transport.abort()
