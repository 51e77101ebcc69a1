"""Recording again at every moment of the old take's life: the newest take wins, and nothing of the old one is left."""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import Problem, StoreUnavailable, TakeSuperseded
from services.interviews.model import Part, PartState
from tests.in_memory import ADMIN, Q1
from tests.invariants import World, world_in_memory, world_on_mongo
from tests.processes import seen_by
from tests.services.scenes import NEW, OLD, Scene
from tests.virtual_time import hurried

# Before its first call a take has no number yet: who comes earlier is the older one.
FIRST = 2


class Interrupted:
    """A process in which, before the n-th call, somebody records again elsewhere."""

    def __init__(self, scene: Scene, at: int) -> None:
        self.calls = 0
        self.newest: Part | None = None
        self._scene, self._at = scene, at

    async def before(self, call: str) -> int:
        self.calls += 1
        if self.calls == self._at:
            self.newest = await self._scene.world.upload(self._scene.world.house, self._scene.session, Q1, NEW)
        elif self.newest is not None:
            await self._look()
        return self.calls

    async def after(self, call: str, number: int) -> None:
        if self.newest is not None:
            await self._look()

    async def _look(self) -> None:
        """From the moment on at which the newest take was accepted, it is the one that shows."""
        assert self.newest is not None
        session = await self._scene.world.house.sessions.get(self._scene.session, ADMIN)
        answer = session.answers[Q1]
        assert (answer.part_id, answer.transcript in (None, NEW)) == (self.newest.id, True)


async def _old_life(scene: Scene, process: Interrupted) -> None:
    """The old take: uploaded, transcribed, closed and scored by one process."""
    house = seen_by(process, scene.world.house)
    try:
        old = await scene.world.upload(house, scene.session, Q1, OLD)
    except TakeSuperseded:
        return
    await house.worker("the old take's").run(old.id)


async def _play(world: World, at: int) -> bool:
    scene = Scene(world, await world.house.session())
    process = Interrupted(scene, at)
    await _old_life(scene, process)
    if process.newest is None:
        return False
    await world.drain()
    sight = await world.check()
    old = next((part for part in sight.parts() if part.id != process.newest.id), None)
    assert old is None or old.state in (PartState.SUPERSEDED, PartState.COMPLETED)
    assert old is None or old.id not in sight.files | set(sight.chunks)
    assert sight.records[process.newest.id].transcript == NEW
    return True


async def test_recording_again_at_any_moment_in_memory() -> None:
    played = 0
    while await _play(world_in_memory(), FIRST + played):
        played += 1
    assert played > 12


@pytest.mark.long
async def test_recording_again_at_any_moment_on_mongo(database: AsyncDatabase[dict[str, Any]]) -> None:
    played = 0
    while await _play(world_on_mongo(database), FIRST + played):
        played += 1
        for collection in ("interview_sessions", "parts", "fs.files", "fs.chunks", "receipts"):
            await database[collection].delete_many({})
    assert played > 12


@pytest.mark.parametrize("in_work", [False, True], ids=["waiting", "in work"])
@hurried
async def test_a_superseded_take_writes_nothing_any_more(in_work: bool) -> None:
    world = world_in_memory()
    scene = Scene(world, await world.house.session())
    await scene.uploads(OLD)
    world.house.ears.hold.clear()
    work = asyncio.create_task(world.house.worker("slow").run(scene.part))
    await asyncio.sleep(0.01 if in_work else 0)
    await scene.uploads(NEW)
    before = world.house.memory.rows[scene.parts[0].id].part
    world.house.ears.hold.set()
    await work
    assert world.house.memory.rows[scene.parts[0].id].part == before
    assert before.state is PartState.SUPERSEDED
    assert world.house.memory.rows[scene.parts[0].id].transcript is None


async def test_the_newest_take_is_accepted_though_the_old_one_could_not_be_ended() -> None:
    world = world_in_memory()
    scene = Scene(world, await world.house.session())
    await scene.uploads(OLD)
    supersede = world.house.uploads.supersede

    async def unreachable(*_: object) -> list[Part]:
        raise StoreUnavailable

    world.house.uploads.supersede = unreachable  # type: ignore[method-assign,assignment]
    await scene.uploads(NEW)
    world.house.uploads.supersede = supersede  # type: ignore[method-assign]
    await world.drain()
    await world.check()
    assert world.house.memory.rows[scene.parts[0].id].part.state is PartState.SUPERSEDED


async def test_an_upload_of_an_older_take_that_comes_late_is_told_so() -> None:
    world = world_in_memory()
    scene = Scene(world, await world.house.session())
    process = Interrupted(scene, 4)
    with pytest.raises(Problem) as refused:
        await world.upload(seen_by(process, world.house), scene.session, Q1, OLD)
    assert isinstance(refused.value, TakeSuperseded)
