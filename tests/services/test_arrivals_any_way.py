"""Appends of any sizes, by processes of which some die, whatever the clock says: always the bytes that were sent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Problem
from services.interviews.model import PartId, PartState
from services.recordings.arrivals import Arrivals, Plan
from services.recordings.ports.arrivals import Arriving
from services.recordings.ports.audio import CHUNK_BYTES
from tests.at_length import examples
from tests.faults import Fault, Faulty
from tests.in_memory import ALICE, Q1
from tests.invariants import World, world_in_memory
from tests.processes import Died, bury, seen_by

HEAD = b"OggS"
WHOLE = HEAD + hashlib.shake_128(b"any").digest(3 * CHUNK_BYTES)
SIZES = st.one_of(st.integers(1, 200), st.integers(CHUNK_BYTES - 20, CHUNK_BYTES + 20), st.integers(1, 400_000))
FAULTS = st.none() | st.tuples(st.sampled_from(Fault), st.integers(1, 12))
STEPS = st.lists(st.tuples(SIZES, st.integers(0, 2), FAULTS, st.sampled_from([0, 0, 0, 100, -3600])), max_size=12)


async def cut(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 70_000):
        yield data[start : start + 70_000]


async def sent(world: World, id: PartId, arrivals: Arrivals, at: int, size: int) -> int | None:
    """How far it was acknowledged; None where it was not."""
    try:
        return (await arrivals.append(id, ALICE, at, cut(WHOLE[at : at + size]))).offset
    except (Problem, Died, asyncio.CancelledError):
        return None
    finally:
        await arrivals.close()


async def play(steps: list[tuple[int, int, tuple[Fault, int] | None, int]]) -> None:
    asyncio.get_running_loop().set_exception_handler(bury)
    world = world_in_memory()
    session = await world.house.session()
    processes = [world.house.arrivals for _ in range(3)]
    id = (await processes[0].begin(session, Q1, ALICE, Plan("tus"))).part.id
    acknowledged = at = 0
    for size, which, fault, seconds in steps:
        await world.passes(seconds)
        dying = seen_by(Faulty(*fault), world.house).arrivals if fault else processes[which]
        acknowledged = await sent(world, id, dying, at, size) or acknowledged
        found = await world.house.arrivals.find(id, ALICE)
        assert acknowledged <= found.offset <= len(WHOLE)
        got = b"".join([piece async for piece in world.house.pieces.read(await arriving(world, id))])
        assert got == WHOLE[: found.offset]
        at = found.offset
    if at >= len(HEAD):
        part = await processes[0].finish(id, ALICE)
        assert (part.bytes, part.state) == (at, PartState.QUEUED)
        assert b"".join([piece async for piece in world.house.audio.read(id)]) == WHOLE[:at]
        assert (await world.look()).pieces == set()


async def arriving(world: World, id: PartId) -> Arriving:
    found = await world.house.arriving.find(id)
    assert found is not None
    return found


@settings(max_examples=examples(60), deadline=None)
@given(STEPS)
def test_the_bytes_are_those_that_were_sent(steps: list[tuple[int, int, tuple[Fault, int] | None, int]]) -> None:
    asyncio.run(play(steps))
