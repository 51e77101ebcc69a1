"""A body that drips is read in few pieces, at once where it matters, and whole."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.body_coalescing import ENOUGH_BYTES, Gathered
from tests.in_process import served

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


class Reader:
    """An application that notes the pieces it is given, and answers at the end or after so many of them."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.pieces: list[bytes] = []
        self.is_gone = asyncio.Event()
        self.has_read = asyncio.Event()
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        goes_on = True
        while goes_on and len(self.pieces) < self._most:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                self.is_gone.set()
                return
            self.pieces.append(message["body"])
            self.has_read.set()
            goes_on = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected(reader: Reader) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with served(reader) as (_, port), asyncio.timeout(30):
        answers, requests = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield answers, requests
        finally:
            requests.close()


async def drip(requests: asyncio.StreamWriter, data: bytes, size: int) -> None:
    for start in range(0, len(data), size):
        requests.write(data[start : start + size])
        await requests.drain()
        await asyncio.sleep(0.002)


async def whole(size: int, piece: int, reader: Reader) -> bytes:
    data = bytes(n % 251 for n in range(size))
    async with connected(reader) as (answers, requests):
        requests.write(HEAD % len(data))
        await drip(requests, data, piece)
        assert (await answers.readline()).startswith(b"HTTP/1.1 200")
    assert b"".join(reader.pieces) == data
    return data


async def test_small_pieces_are_handed_over_together() -> None:
    reader = Reader()
    await whole(200 * 100, 100, reader)
    assert len(reader.pieces) < 20
    assert max(map(len, reader.pieces)) < 2 * ENOUGH_BYTES


async def test_large_pieces_are_handed_over_as_they_come() -> None:
    reader = Reader()
    await whole(8 * ENOUGH_BYTES, ENOUGH_BYTES, reader)
    assert len(reader.pieces) >= 8


async def test_the_first_piece_is_handed_over_at_once_and_may_be_answered() -> None:
    reader = Reader(most=1)
    async with connected(reader) as (answers, requests):
        requests.write(HEAD % 1000 + b"abc")
        assert (await answers.readline()).startswith(b"HTTP/1.1 200")
    assert reader.pieces == [b"abc"]


class Clock:
    """A loop's time, and what is to be done later."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, work: Callable[[], None]) -> asyncio.TimerHandle:
        self.timers.append((round(self.now + seconds, 6), work))
        return asyncio.get_running_loop().call_later(1000.0, work)


async def test_what_comes_within_a_second_is_handed_over_once_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, bodies, clock = Reader(), list[RequestResponseCycle](), Clock()
    begin = Gathered.__init__

    def begun(gathered: Gathered, cycle: RequestResponseCycle, _: object) -> None:
        begin(gathered, cycle, clock)  # type: ignore[arg-type]
        bodies.append(cycle)

    monkeypatch.setattr(Gathered, "__init__", begun)
    async with connected(reader) as (_, requests):
        requests.write(HEAD % 1000 + b"a")
        await until(lambda: reader.pieces == [b"a"])
        for clock.now, piece in ((0.5, b"b"), (0.9, b"c")):
            requests.write(piece)
            await until(lambda: bytes(bodies[0].body).endswith(piece))  # noqa: B023
        await asyncio.sleep(0.1)
        assert reader.pieces == [b"a"]
        (timer,) = clock.timers
        clock.now = timer[0]
        timer[1]()
        await until(lambda: reader.pieces == [b"a", b"bc"])
        assert clock.now == 1.0
        clock.now = 2.0
        requests.write(b"d")
        await until(lambda: reader.pieces == [b"a", b"bc", b"d"])


async def test_who_hangs_up_is_noticed_at_once() -> None:
    reader = Reader()
    async with connected(reader) as (_, requests):
        requests.write(HEAD % 1000 + b"a")
        await reader.has_read.wait()
        requests.write(b"b")
        await requests.drain()
        requests.close()
        await reader.is_gone.wait()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)
