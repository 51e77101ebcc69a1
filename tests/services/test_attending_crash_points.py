"""Whatever fails or dies while a recording is listened to as it arrives: each word is heard once, and nothing is left.

One scene is played again and again, with a fault at the listener's first call of a port, at its second, and so on;
the finish comes before it, while it works, or after it.
"""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import Problem
from services.interviews.model import PartState
from tests.faults import Fault, Faulty
from tests.in_memory import ALICE, Interior
from tests.invariants import World, world_in_memory, world_on_mongo
from tests.processes import Died, seen_by
from tests.services.transcription.test_attending import LIVE, LONG, Scene, Talk, numbers

MOST_CALLS = 80
TELLING = (Fault.UNCONFIRMED, Fault.DIED)
SECONDS = 19
COLLECTIONS = ("interview_sessions", "parts", "fs.files", "fs.chunks", "pieces", "receipts", "utterances")


class Struck(Scene):
    """The same recording, in a world whose time and store may be MongoDB's."""

    def __init__(self, world: World) -> None:
        super().__init__(SECONDS, house=_talking(world.house))
        self.world = world


def _talking(house: Interior) -> Interior:
    house.ears, house.length, house.live = Talk(), LONG, LIVE
    return house


async def play(world: World, process: Faulty, *, finishes: str) -> None:
    scene = Struck(world)
    await scene.begin()
    await scene.comes(SECONDS - 3.0)
    if finishes == "meanwhile":
        scene.house.ears.hold.clear()
    listening = asyncio.create_task(_listens(scene, process))
    if finishes == "meanwhile":
        await _until_held(scene, listening)
        await scene.comes(3.0)
        await scene.arrivals.finish(scene.id, ALICE)
        scene.house.ears.hold.set()
    await listening
    if finishes == "later":
        await world.passes(70.0)
        await scene.rung()
        await scene.house.worker().run(scene.id)
        told = (await scene.settled()).split()
        assert told == numbers(SECONDS).split()[: len(told)]
        await scene.comes(3.0)
        await scene.arrivals.finish(scene.id, ALICE)
    await world.drain()
    await check(scene, world)


async def _listens(scene: Scene, process: Faulty) -> None:
    try:
        await seen_by(process, scene.house, "ears").worker("struck").run(scene.id)
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck


async def _until_held(scene: Scene, listening: "asyncio.Task[None]") -> None:
    """Until the listener is in the engine, or is no more."""
    while not listening.done() and not scene.ears.waits:
        await asyncio.sleep(0.001)


async def check(scene: Scene, world: World) -> None:
    sight = await world.look()
    part = sight.records[scene.id].part
    assert (part.state, await scene.text()) == (PartState.COMPLETED, numbers(SECONDS))
    assert (sight.files, sight.chunks, sight.pieces, sight.utterances) == (set(), {}, set(), set())


@pytest.mark.parametrize("finishes", ["meanwhile", "later"])
@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_every_crash_of_a_listener_is_repaired_in_memory(fault: Fault, finishes: str) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        await play(world_in_memory(), process, finishes=finishes)
        if process.calls < at:
            break
    assert at > 12, "there are more calls than that"
    assert process.calls < at


@pytest.mark.long
@pytest.mark.parametrize("finishes", ["meanwhile", "later"])
@pytest.mark.parametrize("fault", TELLING, ids=lambda fault: fault.name.lower())
async def test_every_crash_of_a_listener_is_repaired_on_mongo(
    fault: Fault, finishes: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        await play(world_on_mongo(database), process, finishes=finishes)
        for collection in COLLECTIONS:
            await database[collection].delete_many({})
        if process.calls < at:
            break
    assert at > 12, "there are more calls than that"
    assert process.calls < at
