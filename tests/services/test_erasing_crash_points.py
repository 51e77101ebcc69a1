"""Whatever fails or dies while something is erased: the sweep brings it to its end, and nothing stays."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import Problem
from services.interviews.model import SessionId
from services.operations.ports.erasures import Cause
from tests.faults import Fault, Faulty
from tests.in_memory import ADMIN, ALICE, Q1, Q2, Interior
from tests.invariants import World, world_in_memory, world_on_mongo
from tests.processes import Died, seen_by

MOST_CALLS = 150
ROUNDS = 8
Act = Callable[[Interior, SessionId], Awaitable[object]]


async def at_once(house: Interior, id: SessionId) -> None:
    """As the request does it, and what it begins beside itself."""
    erasure = await house.journal.begin_session(id, Cause.OWNER)
    assert erasure is not None
    await house.erasing.drive(erasure)
    await house.erasing.drive(erasure)


async def a_user(house: Interior, _: SessionId) -> None:
    erasure = await house.journal.begin_user(ALICE.user_id, Cause.OWNER)
    await house.erasing.drive(erasure)


async def as_time_is_up(house: Interior, id: SessionId) -> None:
    await house.erasing.retain_no_longer(id, "a rule")


async def in_the_midst_of_work(house: Interior, id: SessionId) -> None:
    """A worker has the one recording, and the other is being scored."""
    worker = asyncio.create_task(house.worker("w2").run(house.doorbell.to_transcribe.pop()))
    await at_once(house, id)
    await worker


ACTS: dict[str, Act] = {act.__name__: act for act in (at_once, a_user, as_time_is_up, in_the_midst_of_work)}


async def ready(world: World) -> SessionId:
    """One answer is completed, one waits, and one is half way in."""
    house = world.house
    id = await house.session()
    await world.upload(house, id, Q1, "words of the first answer")
    await world.hear(house)
    await world.upload(house, id, Q2, "words of the second answer")
    numbered = await house.intake.number(id, Q2, ALICE)
    await house.uploads.begin(numbered.part)
    return id


async def play(world: World, act: Act, process: Faulty) -> None:
    """Erase with the fault in the way; where nothing had begun by then, the client asks again, as it would."""
    id = await ready(world)
    try:
        await act(seen_by(process, world.house), id)
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck is not None
    if not await world.house.sessions.is_erased(id) and act is not a_user:
        await world.house.erasing.session(id, ADMIN)
    elif act is a_user:
        await world.house.erasing.user(ALICE.user_id, ADMIN)
    for _ in range(ROUNDS):
        await world.passes(130.0)
        await world.house.sweep.run(24.0)
        await world.hear(world.house)
        await world.house.sweep.audit()
    assert await world.house.sessions.is_erased(id)
    erasure = await world.house.journal.of_session(id)
    assert erasure is not None and erasure.is_done and erasure.is_told and erasure.user_id is None
    sight = await world.look()
    assert (sight.records, sight.files, sight.chunks) == ({}, set(), {})


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("act", ACTS)
async def test_every_crash_is_repaired_in_memory(act: str, fault: Fault) -> None:
    for number in range(1, MOST_CALLS):
        process = Faulty(fault, number)
        await play(world_in_memory(), ACTS[act], process)
        if process.struck is None:
            break
    assert number > 10
    assert process.struck is None


@pytest.mark.long
@pytest.mark.parametrize("fault", (Fault.UNCONFIRMED, Fault.DIED), ids=lambda fault: fault.name.lower())
async def test_every_crash_is_repaired_on_mongo(fault: Fault, database: AsyncDatabase[dict[str, Any]]) -> None:
    for number in range(1, MOST_CALLS):
        process = Faulty(fault, number)
        await play(world_on_mongo(database), at_once, process)
        for collection in await database.list_collection_names():
            await database[collection].delete_many({})
        if process.struck is None:
            break
    assert number > 10
    assert process.struck is None
