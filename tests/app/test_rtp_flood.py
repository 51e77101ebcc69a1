"""Ten thousand datagrams a second of rubbish at the process that takes calls in: no other call is hurt by them."""

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from scripts.stack.layout import ROOT
from services.calls.calls import Wanted
from tests.app.test_rtp import Line, World, paced, world_of
from tests.calls.live import LEFT, sent
from tests.calls.sender import rtp, sender_report

A_SECOND, AT_ONCE = 10_000, 100
SECONDS = 4.0
MOST_GROWN = 12 * 1024 * 1024

pytestmark = [pytest.mark.long, pytest.mark.alone]


class Apart(World):
    """What takes in RTP is a process of its own."""

    process: subprocess.Popen[bytes]

    async def start(self) -> None:
        names = ("mongodb_url", "mongodb_database", "redis_url", "keyring_dir", "rtp_ports")
        own = {name.upper(): str(getattr(self.settings, name)) for name in names} | {"ENCRYPT_RECORDINGS": "0"}
        command = ["env", *(f"{name}={value}" for name, value in own.items()), sys.executable, "-m", "app.rtp"]
        self.process = subprocess.Popen(command, cwd=ROOT)
        async with asyncio.timeout(60):
            while not await self.api.calls.receivers.alive():
                assert self.process.poll() is None
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        self.process.terminate()
        assert await asyncio.to_thread(self.process.wait, 60) == 0

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)


@pytest.fixture
async def world(database: AsyncDatabase[dict[str, Any]], mongodb_url: str, tmp_path: Path) -> AsyncIterator[Apart]:
    async with world_of(database, mongodb_url, tmp_path, 16, Apart) as world:
        assert isinstance(world, Apart)
        yield world


@contextmanager
def flooded(line: Line, rubbish: list[bytes]) -> Iterator[Callable[[], int]]:
    """So many a second, from a thread; what it yields tells how many there were."""
    over, count = threading.Event(), 0

    def send() -> None:
        nonlocal count
        began = time.monotonic()
        while not over.is_set():
            for _ in range(AT_ONCE):
                line.send(rubbish[count % len(rubbish)])
                count += 1
            over.wait(max(0.0, began + count / A_SECOND - time.monotonic()))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield lambda: count
    finally:
        over.set()
        thread.join()


def rubbish() -> list[bytes]:
    """Of every kind, of which most looks like RTP."""
    chance = random.Random(3)
    return [
        chance.choice(
            [
                chance.randbytes(200),
                rtp(
                    b"\xf8" + chance.randbytes(80),
                    chance.getrandbits(16),
                    chance.getrandbits(32),
                    ssrc=chance.getrandbits(32),
                ),
                rtp(b"\xf8" + chance.randbytes(80), number, 960 * number, ssrc=7),
                rtp(chance.randbytes(160), number, 160 * number, ssrc=8, payload_type=0),
                sender_report(chance.random(), chance.getrandbits(32)),
            ]
        )
        for number in range(5000)
    ]


@pytest.mark.parametrize("by", ["a stranger", "a side's own sender", "somebody without a call"])
async def test_a_flood_hurts_no_other_call_and_takes_no_memory(world: Apart, by: str) -> None:
    call, lines = await world.call({LEFT: Wanted()})
    other, others = await world.call({LEFT: Wanted()})
    for each in sent(1.0):
        others[LEFT].send(each.data)
        await asyncio.sleep(0.01)
    await world.until(other, LEFT, 40)
    assert other.place is not None
    line = others[LEFT] if by == "a side's own sender" else Line(other.place.host, other.place.left)
    if by == "somebody without a call":
        line.port += 8
    with flooded(line, rubbish()) as count:
        await asyncio.sleep(1.0)
        before = world.memory
        await paced(lines, SECONDS)
        await world.until(call, LEFT, round(SECONDS * 50) - 60)
        grown = world.memory - before
        assert count() > 0
    heard = await world.over(call)
    tally = heard.sides[LEFT].line.tally
    assert (tally.packets + tally.skipped, tally.lost, tally.foreign) == (round(SECONDS * 50), 0, 0)
    assert grown < MOST_GROWN
    await world.over(other)
