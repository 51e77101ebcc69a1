"""Whatever fails or dies, at whichever call: time and the sweep bring everything to its end.

Each scene is played again and again, with a fault at its first call of a port, at
its second, and so on, until it is over before the fault comes.
"""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import Problem
from tests.at_length import long_but
from tests.faults import Fault, Faulty
from tests.invariants import World, world_in_memory, world_on_mongo
from tests.processes import Died, seen_by
from tests.services.scenes import MAIN, SCENES, Scene

MOST_CALLS = 100
TELLING = (Fault.UNCONFIRMED, Fault.DIED)
COLLECTIONS = ("interview_sessions", "parts", "fs.files", "fs.chunks", "receipts", "utterances")


async def play(world: World, name: str, process: Faulty) -> None:
    """Play the scene to its end, then let time pass and look."""
    ready, act = SCENES[name]
    scene = Scene(world, await world.house.session())
    await ready(scene)
    try:
        await act(scene, seen_by(process, world.house))
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck is not None
    await world.glance()
    await world.drain()
    sight = await world.check()
    assert {part.id for part in scene.accepted} <= {part.id for part in sight.parts() if part.sha256}
    await world.forget()


@pytest.mark.parametrize("fault", long_but(*TELLING, of=Fault), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("scene", SCENES)
async def test_every_crash_is_repaired_in_memory(scene: str, fault: Fault) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        await play(world_in_memory(), scene, process)
        if process.struck is None:
            break
    assert at > 2, "nothing was struck"
    assert process.struck is None


@pytest.mark.parametrize("fault", long_but(Fault.DIED, of=TELLING), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("scene", long_but("transcription", of=MAIN))
async def test_every_crash_is_repaired_on_mongo(
    scene: str, fault: Fault, database: AsyncDatabase[dict[str, Any]]
) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        await play(world_on_mongo(database), scene, process)
        for collection in COLLECTIONS:
            await database[collection].delete_many({})
        if process.struck is None:
            break
    assert at > 2, "nothing was struck"
    assert process.struck is None
