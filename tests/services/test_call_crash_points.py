"""Whatever fails or dies while a call is taken in: a second of each side at most is lost, and nothing is left over.

The call is played again and again, with a fault at its first call of a port, at its second, and so on: before a page
is kept, after it, while a side ends, while the call is closed. Its bridge either goes on with another process, or
never comes back.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.calls.calls import Wanted
from services.calls.model import Call, CallState
from services.calls.packets.ogg import last_page
from services.calls.packets.opus import RATE
from services.errors import CallGone, CallOver, Problem
from services.interviews.model import CallSide, Part, PartState
from tests.at_length import long_but
from tests.calls.live import LEFT, RIGHT, sent
from tests.calls.sender import Datagram
from tests.fakes.memory import Clock, Memory
from tests.fakes.sessions import FakeEvents
from tests.faults import Fault, Faulty
from tests.in_memory import ALICE, Q1, Ears, Interior
from tests.invariants import Sight, World, sight_of
from tests.processes import Died, seen_by
from tests.virtual_time import HurriedLoop

MOST_CALLS = 200
SPOKEN = 4.0
# A page, what waits in order, and how often it is asked for pages.
MOST_LOST = 1.0 + 0.2 + 0.3
PACKET = 0.02


class LoopClock(Clock):
    """The store's time, which passes as the loop's does."""

    def __init__(self) -> None:
        self.ahead = 0.0

    @property
    def now(self) -> datetime:  # type: ignore[override]
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time() + self.ahead)

    def advance(self, seconds: float) -> None:
        self.ahead += seconds


@dataclass
class Bridged:
    """A call, what was sent of it, and from when on nobody sent."""

    world: World
    call: Call
    packets: list[tuple[float, CallSide, bytes]]
    sent: dict[CallSide, int] = field(default_factory=lambda: {LEFT: 0, RIGHT: 0})


def world() -> World:
    house = Interior(memory=Memory(clock=LoopClock()), ears=Ears())

    async def passes(seconds: float) -> None:
        house.memory.clock.advance(seconds)

    async def look() -> Sight:
        return sight_of(house.memory)

    return World(house, FakeEvents(house.memory), passes, look)


def spoken() -> list[tuple[float, CallSide, bytes]]:
    left: list[Datagram] = sent(SPOKEN)
    right: list[Datagram] = sent(SPOKEN - 1.0, begins=0.5, seed=2, ssrc=7)
    both = [(each.arrived, side, each.data) for side, some in ((LEFT, left), (RIGHT, right)) for each in some]
    return sorted(both)


async def bring(bridged: Bridged, house: Interior) -> None:
    """Take in what is still to come, in its time, and end the call."""
    loop = asyncio.get_running_loop()
    bridge = await replace(house.bridging, clock=loop.time).open(bridged.call.id, is_connected=True)
    running = asyncio.create_task(bridge.run())
    begun = loop.time() - bridge.now()
    try:
        while bridged.packets and not running.done():
            at, side, data = bridged.packets[0]
            await asyncio.wait((running,), timeout=max(0.0, begun + at - loop.time()))
            if running.done():
                break
            bridge.take(side, data)
            bridged.packets.pop(0)
            bridged.sent[side] += 1
        bridge.end()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def play(process: Faulty, *, comes_back: bool) -> None:
    here = world()
    session = await here.house.session()
    call = await here.house.calls.begin(session, Q1, ALICE, {LEFT: Wanted(), RIGHT: Wanted()})
    bridged = Bridged(here, call, spoken())
    await bring_until_broken(bridged, process)
    if comes_back and process.struck is not None:
        with contextlib.suppress(CallOver, CallGone):
            await bring(bridged, here.house)
    await ended(here, call)
    streams = {side: stream_of(here, call, side) for side in (LEFT, RIGHT)}
    await here.drain()
    judge(here, bridged, streams, is_whole=comes_back or process.struck is None)
    await here.check()
    await here.forget()


async def bring_until_broken(bridged: Bridged, process: Faulty) -> None:
    try:
        await bring(bridged, seen_by(process, bridged.world.house, "call_records"))
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck is not None


async def ended(here: World, call: Call) -> None:
    """The sweep ends it where nobody else has."""
    for _ in range(3):
        await here.passes(70)
        await here.house.ending.drive()
    kept = await here.house.call_records.get(call.id)
    assert kept is not None and kept.state is CallState.ENDED
    assert all(line.is_over for line in kept.lines.values())


def stream_of(here: World, call: Call, side: CallSide) -> bytes:
    """What is stored of a side, before anybody listens to it."""
    return b"".join(here.house.memory.chunks.get(call.lines[side].part_id, []))


def judge(here: World, bridged: Bridged, streams: dict[CallSide, bytes], *, is_whole: bool) -> None:
    for side, line in bridged.call.lines.items():
        part: Part = here.house.memory.rows[line.part_id].part
        kept = here.house.memory.calls[bridged.call.id].lines[side].tally
        # What is noted may be a page behind what is kept.
        least = bridged.sent[side] - (MOST_LOST + 1.0) / PACKET
        assert part.state is (PartState.COMPLETED if part.bytes else PartState.ABORTED)
        assert kept.packets <= bridged.sent[side]
        assert kept.packets >= least or (part.bytes == 0 and least <= 0)
        if streams[side]:
            page = last_page(streams[side])
            assert page.is_end and streams[side].count(b"OpusHead") == 1
            assert page.granule / RATE >= bridged.sent[side] * PACKET - MOST_LOST
    assert list(here.house.memory.sessions[bridged.call.session_id].answers) in ([], [Q1])


@pytest.mark.parametrize("comes_back", [True, False], ids=["comes back", "stays away"])
@pytest.mark.parametrize("fault", long_but(Fault.DIED, of=Fault), ids=lambda fault: fault.name.lower())
def test_every_crash_in_a_call_costs_a_second_at_most(fault: Fault, comes_back: bool) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        HurriedLoop.runs(play(process, comes_back=comes_back))
        if process.calls < at:
            break
    assert at > 50, "nothing was struck"
    assert process.struck is None
