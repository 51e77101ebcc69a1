"""Whatever fails or dies while a recording arrives in pieces: what was acknowledged is there, and nothing is left over.

Each scene is played again and again, with a fault at its first call of a port, at its second, and so on. Its client
either goes on with another process, or never comes back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import Problem, UploadGone
from services.interviews.model import Part, PartId, PartState, SessionId
from services.recordings.arrivals import Arrivals, Plan, Slice
from services.recordings.ports.audio import CHUNK_BYTES
from tests.at_length import long_but
from tests.faults import Fault, Faulty
from tests.in_memory import ALICE, Q1
from tests.invariants import World, world_in_memory, world_on_mongo
from tests.processes import Died, bury, seen_by

MOST_CALLS = 150
TELLING = (Fault.UNCONFIRMED, Fault.DIED)
COLLECTIONS = ("interview_sessions", "parts", "fs.files", "fs.chunks", "pieces", "slices", "receipts")


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass
class Sender:
    """A client with a recording: what of it was acknowledged, and whether its finish was."""

    world: World
    session: SessionId
    recording: bytes
    id: PartId | None = None
    acknowledged: int = 0
    finished: Part | None = None
    given_up: bool = False
    steps: list[str] = field(default_factory=list)

    async def begin(self, arrivals: Arrivals) -> None:
        self.id = (await arrivals.begin(self.session, Q1, ALICE, Plan("tus"))).part.id

    async def send(self, arrivals: Arrivals, piece: int) -> None:
        """From what is acknowledged on, in pieces of this size."""
        assert self.id is not None
        while self.acknowledged < len(self.recording):
            data = self.recording[self.acknowledged : self.acknowledged + piece]
            self.acknowledged = (await arrivals.append(self.id, ALICE, self.acknowledged, once(data))).offset
        await arrivals.close()

    async def finish(self, arrivals: Arrivals) -> None:
        assert self.id is not None
        self.finished = await arrivals.finish(self.id, ALICE)

    async def go_on(self, arrivals: Arrivals) -> None:
        """As a client does that knows only its upload's address."""
        if self.id is None:
            await self.begin(arrivals)
        assert self.id is not None
        found = await arrivals.find(self.id, ALICE)
        assert found.offset >= self.acknowledged
        if not found.is_complete:
            self.acknowledged = found.offset
            await self.send(arrivals, 100_000)
        await self.finish(arrivals)


Act = Callable[[Sender, Arrivals], Awaitable[None]]


async def small_pieces(sender: Sender, arrivals: Arrivals) -> None:
    await sender.begin(arrivals)
    await sender.send(arrivals, 40)
    await sender.finish(arrivals)


async def folded_pieces(sender: Sender, arrivals: Arrivals) -> None:
    await sender.begin(arrivals)
    await sender.send(arrivals, 150_000)
    await sender.finish(arrivals)


async def whole_chunks(sender: Sender, arrivals: Arrivals) -> None:
    await sender.begin(arrivals)
    await sender.send(arrivals, CHUNK_BYTES)
    await sender.finish(arrivals)


async def one_long_piece(sender: Sender, arrivals: Arrivals) -> None:
    await sender.begin(arrivals)
    await sender.send(arrivals, 10**9)
    await sender.finish(arrivals)


async def several_runs(sender: Sender, arrivals: Arrivals) -> None:
    """In one request, which the network cuts: more comes while a chunk is on its way."""
    await sender.begin(arrivals)
    assert sender.id is not None

    async def data() -> AsyncIterator[bytes]:
        for start in range(0, len(sender.recording), 100_000):
            yield sender.recording[start : start + 100_000]

    sender.acknowledged = (await arrivals.append(sender.id, ALICE, 0, data())).offset
    await arrivals.close()
    await sender.finish(arrivals)


async def slices(sender: Sender, arrivals: Arrivals) -> None:
    await sender.begin(arrivals)
    assert sender.id is not None
    size = len(sender.recording) // 3 + 1
    for index in (2, 0, 1):
        await arrivals.put(sender.id, ALICE, Slice(index), once(sender.recording[index * size : (index + 1) * size]))
    await sender.finish(arrivals)


async def given_up(sender: Sender, arrivals: Arrivals) -> None:
    await sender.begin(arrivals)
    await sender.send(arrivals, 150_000)
    assert sender.id is not None
    sender.given_up = True
    await arrivals.abort(sender.id, ALICE)


SHORT = " ".join(["A short answer, in pieces."] * 4)
# Each word ends with a second of what is heard; four letters before the first say what kind of recording it is.
SECOND = 32_000
LONG = " ".join(["a" * (SECOND - 5), *["a" * (SECOND - 1)] * (2 * CHUNK_BYTES // SECOND)])
SCENES: dict[str, tuple[str, Act]] = {
    "small pieces": (SHORT, small_pieces),
    "pieces that are folded": (LONG, folded_pieces),
    "whole chunks": (LONG, whole_chunks),
    "one long piece": (LONG, one_long_piece),
    "several runs": (LONG, several_runs),
    "slices": (SHORT, slices),
    "given up": (LONG, given_up),
}


async def play(world: World, scene: str, process: Faulty, *, comes_back: bool) -> None:
    text, act = SCENES[scene]
    session = await world.house.session()
    sender = Sender(world, session, world.says(session, Q1, text))
    asyncio.get_running_loop().set_exception_handler(bury)
    arrivals = seen_by(process, world.house).arrivals
    try:
        await act(sender, arrivals)
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck is not None
    await arrivals.close()
    await world.glance()
    if comes_back and process.struck is not None and sender.finished is None:
        await came_back(sender, scene)
    await world.drain()
    sight = await world.check()
    if sender.finished is not None:
        assert sender.finished.sha256 in world.sent[session, Q1]
        assert sight.records[sender.finished.id].part.state is PartState.COMPLETED
    await world.forget()


async def came_back(sender: Sender, scene: str) -> None:
    """Another process takes it in to its end; slices are sent again, all of them."""
    arrivals = sender.world.house.arrivals
    if sender.given_up:
        try:
            assert sender.id is not None
            await arrivals.abort(sender.id, ALICE)
        except UploadGone:
            pass
    elif scene == "slices" and sender.id is not None:
        if not (await arrivals.find(sender.id, ALICE)).is_complete:
            size = len(sender.recording) // 3 + 1
            for index in range(3):
                data = sender.recording[index * size : (index + 1) * size]
                await arrivals.put(sender.id, ALICE, Slice(index), once(data))
        await sender.finish(arrivals)
    else:
        await sender.go_on(arrivals)
    await arrivals.close()


@pytest.mark.parametrize("comes_back", [True, False], ids=["comes back", "stays away"])
@pytest.mark.parametrize("fault", long_but(Fault.DIED, of=Fault), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("scene", SCENES)
async def test_every_crash_is_repaired_in_memory(scene: str, fault: Fault, comes_back: bool) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        await play(world_in_memory(), scene, process, comes_back=comes_back)
        if process.struck is None:
            break
    assert at > 4, "nothing was struck"
    assert process.struck is None


@pytest.mark.parametrize("fault", long_but(Fault.DIED, of=TELLING), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("scene", long_but("small pieces", of=["small pieces", "pieces that are folded", "slices"]))
async def test_every_crash_is_repaired_on_mongo(
    scene: str, fault: Fault, database: AsyncDatabase[dict[str, Any]]
) -> None:
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        await play(world_on_mongo(database), scene, process, comes_back=at % 2 == 0)
        for collection in COLLECTIONS:
            await database[collection].delete_many({})
        if process.struck is None:
            break
    assert at > 4, "nothing was struck"
    assert process.struck is None
