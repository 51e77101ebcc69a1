"""Calls through an API in the same process, on a clock that a test sets."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx2

from routes.dependencies import Services
from services.calls.bridging import Bridging
from services.interviews.model import CallSide, PartId, Viewer
from tests.calls.sender import Datagram, Sender
from tests.calls.sound import coded, murmur
from tests.in_memory import ALICE
from tests.routes.slices.doors import Doors, session_of
from tests.routes.slices.sockets import Socket

LEFT, RIGHT = CallSide.LEFT, CallSide.RIGHT
NUMBER = {LEFT: b"\x00", RIGHT: b"\x01"}


@cache
def spoken(seconds: float, seed: int = 1) -> tuple[bytes, ...]:
    return tuple(coded(murmur(seconds, seed)))


def sent(seconds: float = 3.0, *, begins: float = 0.0, seed: int = 1, **sender: Any) -> list[Datagram]:
    """What a side's sender sends, each packet with its time."""
    return list(Sender(begins=begins, **sender).send(spoken(seconds, seed)))


@dataclass
class CallDoors(Doors):
    """`process` begins a process anew, which remembers nothing; the store's clock is set to its time."""

    at: float = 0.0
    told: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.process()

    def process(self) -> None:
        self.house.memory.clock.advance(self.at - self.told)
        self.told = self.at
        self.arrivals = self.house.arrivals
        ending = replace(self.house.ending, arrivals=self.arrivals)
        self.calls = replace(self.house.calls, arrivals=self.arrivals, ending=ending)
        self.bridging: Bridging = replace(
            self.house.bridging,
            arrivals=self.arrivals,
            ending=ending,
            clock=lambda: self.at,
        )

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        async with super().services() as services:
            yield replace(services, arrivals=self.arrivals, calls=self.calls, bridging=self.bridging)

    @property
    def house_owner(self) -> Viewer:
        return ALICE

    def part(self, call: dict[str, Any], side: str) -> PartId:
        return PartId(call[side]["recording_id"])


async def begun(client: httpx2.AsyncClient, session: str | None = None, **more: Any) -> dict[str, Any]:
    session = session or await session_of(client)
    answer = await client.post(f"/api/sessions/{session}/calls", json={"question_id": "q1", **more})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def seen(client: httpx2.AsyncClient, call: str) -> dict[str, Any]:
    answer = await client.get(f"/api/calls/{call}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def talk(doors: CallDoors, socket: Socket, sides: dict[CallSide, Iterable[Datagram]]) -> None:
    """Send each packet when its time has come."""
    packets = sorted((each.arrived, side, each.data) for side, datagrams in sides.items() for each in datagrams)
    for at, side, data in packets:
        doors.at = max(doors.at, at)
        socket.send(NUMBER[side] + data)
        await asyncio.sleep(0)
        while not socket.to_app.empty():
            await asyncio.sleep(0)


async def kept(socket: Socket, side: str, seconds: float) -> dict[str, Any]:
    """The first acknowledgement of so much of a side."""
    while (ack := await socket.until("ack"))[side]["seconds"] < seconds:
        pass
    told: dict[str, Any] = ack[side]
    return told
