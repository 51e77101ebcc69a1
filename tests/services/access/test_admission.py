import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.access.admission import Admission
from services.errors import Problem, RateLimited, TooManyUploads, TooMuchQueued, UploadsSaturated
from services.interviews.model import Part, UserId, Viewer
from tests.fakes.records import FakeBacklog
from tests.in_memory import ALICE, BOB, Q1, Q2, Interior
from tests.virtual_time import HurriedLoop


class Watch:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def admission(
    house: Interior, *, of_user: int = 2, of_all: int = 3, seconds: float = 60.0, watch: Watch | None = None
) -> Admission:
    return Admission(
        limits=house.limits,
        backlog=FakeBacklog(house.memory),
        wait=house.eta.of_all,
        most_uploads_of_user=of_user,
        most_uploads=of_all,
        most_queued_seconds=seconds,
        clock=watch or Watch(),
    )


async def at_once() -> None: ...


async def hold_open(gate: Admission, viewer: Viewer, until: Callable[[], Awaitable[object]] = at_once) -> None:
    async with gate.upload(viewer) as slot:
        await slot.reserve(0.0)
        await until()


async def test_a_user_has_so_many_uploads_in_flight_and_the_process_so_many() -> None:
    gate, done = admission(Interior()), asyncio.Event()
    tasks = [asyncio.create_task(hold_open(gate, who, done.wait)) for who in (ALICE, ALICE, BOB)]
    await asyncio.sleep(0)
    for who, problem in ((ALICE, TooManyUploads), (BOB, UploadsSaturated)):
        with pytest.raises(problem) as refused:
            await hold_open(gate, who, done.wait)
        assert refused.value.retry_after
    done.set()
    await asyncio.gather(*tasks)
    assert not gate.in_flight


@pytest.mark.parametrize("error", [RuntimeError("x"), RateLimited(), asyncio.CancelledError()])
async def test_the_place_is_given_back_on_every_way_out(error: BaseException) -> None:
    gate = admission(Interior())

    async def breaks() -> None:
        raise error

    with pytest.raises(type(error)):
        await hold_open(gate, ALICE, breaks)
    assert not gate.in_flight


async def test_a_cancelled_upload_gives_its_place_back() -> None:
    gate = admission(Interior())
    task = asyncio.create_task(hold_open(gate, ALICE, asyncio.Event().wait))
    await asyncio.sleep(0)
    assert gate.in_flight.total() == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not gate.in_flight


async def test_who_has_much_waiting_waits() -> None:
    house, watch = Interior(), Watch()
    gate, session = admission(house, seconds=10.0, watch=watch), await house.session()
    async with gate.upload(ALICE) as slot:
        await slot.reserve(0.0)
        part = await house.upload(session, data=b"x" * 88_000)
        await slot.reserve(part.estimated_seconds)
    with pytest.raises(TooMuchQueued) as refused:
        await hold_open(gate, ALICE)
    assert refused.value.retry_after == await house.eta.of_all()
    assert not gate.in_flight
    await hold_open(gate, BOB)
    await house.work_off()
    watch.now += 1
    await hold_open(gate, ALICE)


class Counted(FakeBacklog):
    """Counts how often it is asked, and answers when it is told to."""

    def __init__(self, house: Interior) -> None:
        super().__init__(house.memory)
        self.asked: list[UserId] = []
        self.answers = asyncio.Event()

    async def queued_seconds(self, user_id: UserId) -> float:
        self.asked.append(user_id)
        await self.answers.wait()
        return await super().queued_seconds(user_id)


async def test_what_waits_of_a_user_is_asked_for_once_a_second_however_many_come() -> None:
    house, watch = Interior(), Watch()
    gate = admission(house, of_user=20, of_all=20, watch=watch)
    gate.backlog = backlog = Counted(house)
    waiting = [asyncio.create_task(hold_open(gate, who)) for who in [ALICE] * 9 + [BOB]]
    while len(backlog.asked) < 2:
        await asyncio.sleep(0)
    backlog.answers.set()
    await asyncio.gather(*waiting)
    await hold_open(gate, ALICE)
    assert backlog.asked == ["alice", "bob"]
    watch.now += 1
    await hold_open(gate, ALICE)
    assert backlog.asked == ["alice", "bob", "alice"]


async def test_what_was_accepted_since_what_waits_was_read_is_counted_once() -> None:
    house, watch = Interior(), Watch()
    gate, session = admission(house, of_user=20, of_all=20, seconds=25.0, watch=watch), await house.session()

    async def one(number: int) -> None:
        async with gate.upload(ALICE) as slot:
            await slot.reserve(0.0)
            part = await house.upload(session, Q1 if number % 2 else Q2, bytes([number]) * 88_000)
            await slot.reserve(part.estimated_seconds)

    house.uploads.supersede = nothing_older  # type: ignore[method-assign,assignment]
    await one(1)
    await one(2)
    watch.now += 1
    await one(3)
    with pytest.raises(TooMuchQueued):
        await one(4)


async def nothing_older(*_: object) -> list[Part]:
    return []


def test_nothing_is_held_of_users_who_are_gone() -> None:
    async def seen() -> None:
        gate = admission(Interior())
        gate.clock = asyncio.get_running_loop().time
        await hold_open(gate, ALICE)
        assert gate.accounts
        await asyncio.sleep(3)
        assert not gate.accounts

    HurriedLoop.runs(seen())


async def test_rates_are_counted_for_addresses_users_and_uploads() -> None:
    house = Interior()
    house.limits.left = {"address": 1, "requests": 1, "uploads": 1}
    gate = admission(house)

    async def all_three() -> list[type[Problem] | None]:
        found: list[type[Problem] | None] = []
        for count in (gate.address("10.0.0.1"), gate.request(ALICE), hold_open(gate, ALICE)):
            try:
                await count
                found.append(None)
            except Problem as problem:
                assert problem.retry_after == 7.0
                found.append(type(problem))
        return found

    assert await all_three() == [None] * 3
    assert await all_three() == [RateLimited] * 3
    assert house.limits.hits[:3] == [("address", "10.0.0.1"), ("requests", "alice"), ("uploads", "alice")]
