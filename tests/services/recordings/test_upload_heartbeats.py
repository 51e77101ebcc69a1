"""One write says of all uploads that they still arrive, and who was given up hears of it."""

import asyncio
from collections.abc import AsyncIterator, Collection

import pytest

from services.errors import StoreUnavailable
from services.interviews.model import PartId
from services.recordings.formats import Container
from services.recordings.ports.audio import Incoming
from services.recordings.upload_heartbeats import UploadHeartbeats
from tests.fakes.records import FakeUploads
from tests.in_memory import ALICE, LARGE, Q1, Q2, Interior
from tests.virtual_time import hurried

A_WHILE = 0.01


async def until(condition: object) -> None:
    async with asyncio.timeout(10):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(A_WHILE / 2)


class Told(FakeUploads):
    """Notes who was told of, after some failures."""

    def __init__(self, house: Interior, failures: int = 0) -> None:
        super().__init__(house.memory)
        self.told: list[set[PartId]] = []
        self.failures = failures

    async def touch(self, ids: Collection[PartId]) -> set[PartId]:
        self.told.append(set(ids))
        if len(self.told) <= self.failures:
            raise StoreUnavailable
        return await super().touch(ids)


@hurried
async def test_all_that_arrive_are_told_of_at_once_until_they_have_arrived() -> None:
    uploads = Told(Interior())
    heartbeats = UploadHeartbeats(uploads=uploads, seconds=A_WHILE)
    with heartbeats.one(PartId("a")):
        with heartbeats.one(PartId("b")):
            await until(lambda: {"a", "b"} in uploads.told)
        seen = len(uploads.told)
        await until(lambda: len(uploads.told) > seen + 1)
        assert uploads.told[-1] == {"a"}
    await asyncio.sleep(A_WHILE * 3)
    seen = len(uploads.told)
    await asyncio.sleep(A_WHILE * 5)
    assert len(uploads.told) == seen, "nobody is here"
    with heartbeats.one(PartId("c")):
        await until(lambda: {"c"} in uploads.told)


@hurried
async def test_a_store_that_does_not_answer_for_a_while_ends_no_upload() -> None:
    house = Interior()
    uploads = Told(house, failures=2)
    house.uploads, house.touch_seconds = uploads, A_WHILE
    id = await house.session()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"abc"
        await until(lambda: len(uploads.told) > 3)
        yield b"def"

    part = await house.intake.receive(id, Q1, ALICE, Incoming(Container.WEBM, slowly(), LARGE))
    assert part.bytes == 6


@hurried
async def test_an_upload_that_was_given_up_ends_with_its_next_piece_and_the_others_go_on() -> None:
    house = Interior()
    uploads = Told(house)
    house.uploads, house.touch_seconds = uploads, A_WHILE
    id, intake = await house.session(), house.intake
    ends = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"abc"
            await asyncio.sleep(A_WHILE)

    async def ending() -> AsyncIterator[bytes]:
        yield b"abc"
        await ends.wait()
        yield b"def"

    given_up = asyncio.create_task(intake.receive(id, Q1, ALICE, Incoming(Container.WEBM, endless(), LARGE)))
    other = asyncio.create_task(intake.receive(id, Q2, ALICE, Incoming(Container.WEBM, ending(), LARGE)))
    await until(lambda: len(uploads.told) > 1)
    (lost,) = [row.part.id for row in house.memory.rows.values() if row.part.question_id == Q1]
    assert await uploads.abort(lost)
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(10):
            await given_up
    ends.set()
    assert (await other).bytes == 6
