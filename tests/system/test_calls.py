"""A call on real processes, each of which is killed in the midst of it: a second of each side at most is lost.

What is sent while nobody is there to take it in is lost too, as on any telephone.
"""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from services.interviews.model import CallSide
from tests.app.test_rtp import free_ports
from tests.calls.live import LEFT, NUMBER, RIGHT, sent
from tests.openai_server import OpenAIServer
from tests.scripts.running import runs, until
from tests.system import live
from tests.system.live import Stack, create

SPOKEN = 9.0
BLOW = 3.0
PACKET = 0.02
# A page, what waits in order, and how often pages are asked for.
MOST_LOST = 1.0 + 0.2 + 0.3
PATIENCE = 90.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    first, last = free_ports(40)
    with (
        OpenAIServer() as engine,
        live.stack(
            tmp_path_factory.mktemp("calls"),
            OPENAI_BASE_URL=engine.url,
            OPENAI_API_KEY="sk-loopback",
            OPENAI_TIMEOUT_SECONDS="5",
            LEASE_SECONDS="6",
            SWEEP_SECONDS="1",
            CALL_SILENCE_SECONDS="15",
            RTP_PORTS=f"{first}-{last}",
        ) as running,
    ):
        yield running


@dataclass
class Bridge:
    """Brings a call in its own time, through whichever door, and counts what it could not hand over."""

    stack: Stack
    call: dict[str, Any]
    packets: list[tuple[float, CallSide, bytes]]
    unsent: dict[CallSide, int] = field(default_factory=lambda: {LEFT: 0, RIGHT: 0})

    async def by_socket(self, begun: float) -> None:
        while self.packets:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with self._socket() as line:
                    await line.recv()
                    while self.packets:
                        await self._pace(begun)
                        _, side, data = self.packets[0]
                        await line.send(NUMBER[side] + data)
                        self.packets.pop(0)
            self._let_go(begun)
            await asyncio.sleep(0.1)

    async def by_udp(self, begun: float) -> None:
        lines = {side: self._line() for side in (LEFT, RIGHT)}
        while self.packets:
            await self._pace(begun)
            _, side, data = self.packets.pop(0)
            address = self.call["rtp"][side.value]
            with suppress(OSError):
                lines[side].sendto(data, (address["host"], address["port"]))

    async def _pace(self, begun: float) -> None:
        await asyncio.sleep(max(0.0, begun + self.packets[0][0] - time.monotonic()))

    def _let_go(self, begun: float) -> None:
        """What was said while nobody was there is not said again."""
        now = time.monotonic() - begun
        while self.packets and self.packets[0][0] < now:
            self.unsent[self.packets.pop(0)[1]] += 1

    def _line(self) -> socket.socket:
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.bind(("127.0.0.1", 0))
        return line

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[ClientConnection]:
        headers = {"Authorization": f"Bearer {self.stack.token('alice')}"}
        address = f"ws://127.0.0.1:{self.stack.running.port}{self.call['websocket']}"
        async with connect(address, additional_headers=headers, proxy=None, open_timeout=5) as line:
            yield line


def serves(stack: Stack, process: str, since: datetime) -> bool:
    """Whether what has started anew does its work; of others than those that calls pass through, that it runs."""
    with suppress(Exception):
        if process == "api":
            with stack.client() as client:
                return client.get("/healthz").status_code == 200
        if process == "mongod":
            return bool(stack.database.command("ping"))
        if process == "rtp":
            return stack.database["rtp_receivers"].count_documents({"seen_at": {"$gt": since}}) > 0
        return True
    return False


def kill(stack: Stack, process: str) -> float:
    """Kill it, and say for how long it was away."""
    since = datetime.now(UTC)
    before, at = stack.running.layout.read_pids()[process], time.monotonic()
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        now = stack.running.layout.read_pids().get(process, before)
        return now != before and runs(now)

    until(is_back, PATIENCE)
    until(lambda: serves(stack, process, since), PATIENCE)
    return time.monotonic() - at


def begin(stack: Stack) -> dict[str, Any]:
    """A call, as soon as there are ports for it."""
    with stack.client() as client:
        session = create(client, {"id": "q1", "text": "?"})
        until(lambda: stack.database["rtp_receivers"].count_documents({}) > 0, PATIENCE)
        made = client.post(f"/api/sessions/{session}/calls", json={"question_id": "q1"})
        assert made.status_code == 201, made.text
        told: dict[str, Any] = made.json()
        return told


def end(stack: Stack, call: dict[str, Any]) -> None:
    with stack.client() as client:
        assert client.post(f"/api/calls/{call['call_id']}/end").status_code == 202


def completed(stack: Stack, call: dict[str, Any]) -> dict[str, Any]:
    """The call once both sides are transcribed; it ends by its silence, where nobody can be told."""
    end = time.monotonic() + PATIENCE
    with stack.client() as client:
        while True:
            with suppress(Exception):
                client.post(f"/api/calls/{call['call_id']}/end")
                seen: dict[str, Any] = client.get(f"/api/calls/{call['call_id']}").json()
                if seen.get("state") == "completed":
                    return seen
            assert time.monotonic() < end, seen
            time.sleep(0.2)


PACKET_IN, END = "packet", "end of both sides"
CELLS = [
    pytest.param("by_socket", PACKET_IN, "api", id="packet × kill × api"),
    pytest.param("by_udp", PACKET_IN, "rtp", id="packet × kill × rtp"),
    pytest.param("by_udp", PACKET_IN, "mongod", id="page append × kill × mongod"),
    pytest.param("by_udp", END, "rtp", id="end of side × kill × rtp"),
    pytest.param("by_socket", PACKET_IN, "mongod", id="page append by socket × kill × mongod", marks=pytest.mark.long),
    pytest.param("by_socket", PACKET_IN, "rtp", id="packet by socket × kill × rtp", marks=pytest.mark.long),
    pytest.param("by_udp", PACKET_IN, "api", id="packet by udp × kill × api", marks=pytest.mark.long),
    pytest.param("by_udp", PACKET_IN, "worker", id="packet × kill × worker", marks=pytest.mark.long),
    pytest.param("by_udp", PACKET_IN, "upkeep", id="packet × kill × upkeep", marks=pytest.mark.long),
    pytest.param("by_socket", PACKET_IN, "valkey", id="packet × kill × valkey", marks=pytest.mark.long),
    pytest.param("by_udp", END, "api", id="end of side × kill × api", marks=pytest.mark.long),
    pytest.param("by_udp", END, "mongod", id="end of side × kill × mongod", marks=pytest.mark.long),
    pytest.param("by_socket", END, "upkeep", id="close × kill × upkeep", marks=pytest.mark.long),
    pytest.param("by_socket", END, "worker", id="close × kill × worker", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("door", "moment", "process"), CELLS)
async def test_a_process_that_is_killed_in_a_call_costs_a_second_at_most(
    stack: Stack, door: str, moment: str, process: str
) -> None:
    call = await asyncio.to_thread(begin, stack)
    packets = sorted(
        (each.arrived, side, each.data)
        for side, seed in ((LEFT, 1), (RIGHT, 2))
        for each in sent(SPOKEN, seed=seed, ssrc=seed)
    )
    bridge = Bridge(stack, call, packets)
    bringing = asyncio.create_task(getattr(bridge, door)(time.monotonic()))
    if moment == PACKET_IN:
        await asyncio.sleep(BLOW)
    else:
        await bringing
        await asyncio.to_thread(end, stack, call)
    away = await asyncio.to_thread(kill, stack, process)
    await bringing
    seen = await asyncio.to_thread(completed, stack, call)
    is_hit = process in ("mongod", {"by_socket": "api", "by_udp": "rtp"}[door])
    for side in (LEFT, RIGHT):
        told = seen[side.value]
        # What was on its way to the process until it had started anew came to nobody.
        lost = bridge.unsent[side] * PACKET + (MOST_LOST + 1.0 + away if is_hit else 0.0)
        assert told["state"] == "completed", (told, away)
        assert told["packets"] * PACKET >= SPOKEN - lost - 0.1, (told, away)
        assert told["seconds"] >= SPOKEN - (lost if is_hit else 0.2) - 0.3, (told, away)
        assert told["seconds"] <= SPOKEN + 0.5, (told, away)
    assert stack.audio_left() == (0, 0)
    assert stack.database["pieces"].count_documents({}) == 0


async def test_a_call_whose_bridge_is_gone_ends_by_itself(stack: Stack) -> None:
    call = await asyncio.to_thread(begin, stack)
    packets = sorted((each.arrived, LEFT, each.data) for each in sent(2.0))
    bridge = Bridge(stack, call, packets)
    await bridge.by_udp(time.monotonic())

    def seen() -> dict[str, Any]:
        with stack.client() as client:
            told: dict[str, Any] = client.get(f"/api/calls/{call['call_id']}").json()
            return told

    await asyncio.to_thread(until, lambda: seen()["state"] == "completed", PATIENCE)
    told = await asyncio.to_thread(seen)
    assert told["warnings"] == ["side_empty"]
    assert (told["left"]["packets"], told["right"]["state"]) == (100, "empty")
    assert json.dumps(told)


def test_the_process_is_one_of_the_stacks_own(stack: Stack) -> None:
    assert {"rtp", "api", "upkeep"} <= stack.running.layout.read_pids().keys()
    assert Path(stack.running.layout.log("rtp")).exists()
