"""Of frames that bring next to nothing a recorder's socket takes few; what brings something it takes, however much."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from app.guarded_ws import BARE_BYTES, MOST_BARE
from tests.in_process import served

SECONDS = 60


@dataclass
class Heard:
    """An app that notes what it is sent, and answers a text."""

    messages: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text"):
                await send({"type": "websocket.send", "text": "heard"})
            else:
                self.messages.append(message["bytes"])


@asynccontextmanager
async def recorder(app: Heard) -> AsyncIterator[ClientConnection]:
    async with (
        served(app) as (_, port),
        connect(f"ws://127.0.0.1:{port}/ws/audio/s", proxy=None, ping_interval=None) as socket,
    ):
        yield socket


def flood(socket: ClientConnection, number: int, *frames: Frame) -> None:
    """The first frame so many times, and the others behind it, at once, past what a library would send."""
    first, *others = (frame.serialize(mask=True) for frame in frames)
    socket.transport.write(first * number + b"".join(others))


PING, EMPTY, LAST = Frame(Opcode.PING, b""), Frame(Opcode.CONT, b"", fin=False), Frame(Opcode.CONT, b"all")


@pytest.mark.parametrize("kind", ["pings", "pieces of a message"])
async def test_who_sends_frames_of_nothing_is_hung_up_on(kind: str) -> None:
    async with recorder(Heard()) as socket:
        if kind == "pings":
            flood(socket, 20 * MOST_BARE, PING)
        else:
            flood(socket, 1, Frame(Opcode.BINARY, b"", fin=False))
            flood(socket, 20 * MOST_BARE, EMPTY, LAST)
        with pytest.raises(ConnectionClosed):
            await socket.send("are you there?")
            await asyncio.wait_for(socket.recv(), SECONDS)
        assert socket.close_code == 1002


async def test_what_brings_something_is_taken_however_much_and_so_is_a_ping_now_and_then() -> None:
    app, number = Heard(), 4 * MOST_BARE
    async with recorder(app) as socket:
        for _ in range(number):
            await socket.send(bytes(BARE_BYTES))
        flood(socket, MOST_BARE // 2, PING)
        await socket.send("are you there?")
        assert await asyncio.wait_for(socket.recv(), SECONDS) == "heard"
    assert app.messages == [bytes(BARE_BYTES)] * number
