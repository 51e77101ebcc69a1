"""A few cores, shared by answers of any length."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from services.adapters.local_speech.scheduler import MOST_IN_A_ROW, Scheduler, Turn


class Model:
    """Reads when it is told to; notes what was begun, and how many threads read at once."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._gate = threading.Semaphore(0)

    def read(self, name: str) -> str:
        with self._lock:
            self.begun.append(name)
            self._now += 1
            self.most = max(self.most, self._now)
        self._gate.acquire()
        with self._lock:
            self._now -= 1
        if name == "broken":
            raise RuntimeError("broken")
        return name

    def let(self, tasks: int) -> None:
        self._gate.release(tasks)

    async def has_begun(self, tasks: int) -> None:
        async with asyncio.timeout(60):
            while len(self.begun) < tasks:
                await asyncio.sleep(0.005)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def model(threads: ThreadPoolExecutor) -> Iterator[Model]:
    """Whatever happens, the threads get to their end."""
    model = Model()
    yield model
    model.let(1_000)


def ask(scheduler: Scheduler, model: Model, turn: Turn, *names: str) -> list["asyncio.Task[str]"]:
    return [asyncio.create_task(scheduler.run(turn, partial(model.read, name))) for name in names]


async def test_a_long_answer_takes_all_cores_and_no_more(model: Model, threads: ThreadPoolExecutor) -> None:
    asked = ask(Scheduler(threads, 2), model, Turn(), *["a"] * 12)
    await model.has_begun(2)
    model.let(100)
    assert await asyncio.gather(*asked) == ["a"] * 12
    assert model.most == 2


async def test_a_short_answer_does_not_wait_for_a_long_one_to_end(model: Model, threads: ThreadPoolExecutor) -> None:
    scheduler = Scheduler(threads, 1)
    long = ask(scheduler, model, Turn(), *["long"] * 20)
    await model.has_begun(1)
    short = ask(scheduler, model, Turn(), "short")
    await asyncio.sleep(0)
    model.let(100)
    await asyncio.gather(*long, *short)
    assert model.begun.index("short") <= 2


async def test_a_long_answer_is_not_starved_by_short_ones(model: Model, threads: ThreadPoolExecutor) -> None:
    scheduler = Scheduler(threads, 1)
    first = ask(scheduler, model, Turn(), "first")
    await model.has_begun(1)
    long = ask(scheduler, model, Turn(), *["long"] * 3)
    short = [one for number in range(10) for one in ask(scheduler, model, Turn(), f"short {number}")]
    await asyncio.sleep(0)
    model.let(100)
    await asyncio.gather(*first, *long, *short)
    assert model.begun[1] == "long"


async def test_whoever_stops_waiting_is_not_read(model: Model, threads: ThreadPoolExecutor) -> None:
    scheduler = Scheduler(threads, 1)
    first = ask(scheduler, model, Turn(), "a")
    await model.has_begun(1)
    gone, kept = ask(scheduler, model, Turn(), "gone", "kept")
    await asyncio.sleep(0)
    gone.cancel()
    model.let(10)
    await asyncio.gather(*first, kept)
    assert model.begun == ["a", "kept"]


async def test_the_error_reaches_who_asked_and_the_core_is_free_again(
    model: Model, threads: ThreadPoolExecutor
) -> None:
    scheduler = Scheduler(threads, 1)
    model.let(2)
    (broken,) = ask(scheduler, model, Turn(), "broken")
    with pytest.raises(RuntimeError, match="broken"):
        await broken
    (asked,) = ask(scheduler, model, Turn(), "a")
    assert await asked == "a"


async def test_closed_threads_are_an_error_and_no_wait(model: Model) -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    (asked,) = ask(Scheduler(threads, 1), model, Turn(), "a")
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(asked, 60)


async def test_what_is_said_just_now_goes_first_and_others_come_to_their_end(
    model: Model, threads: ThreadPoolExecutor
) -> None:
    scheduler = Scheduler(threads, 1)
    begun = ask(scheduler, model, Turn(), "begun")
    await model.has_begun(1)
    uploads = [one for _ in range(4) for one in ask(scheduler, model, Turn(), "upload")]
    live = [one for _ in range(12) for one in ask(scheduler, model, Turn(is_first=True), "live")]
    await asyncio.sleep(0)
    model.let(100)
    await asyncio.gather(*begun, *uploads, *live)
    assert model.begun[1:] == [*["live"] * MOST_IN_A_ROW, "upload"] * 4
    assert MOST_IN_A_ROW == 3


async def test_who_speaks_alone_waits_for_nobody(model: Model, threads: ThreadPoolExecutor) -> None:
    scheduler = Scheduler(threads, 1)
    begun = ask(scheduler, model, Turn(is_first=True), *["live"] * 10)
    await model.has_begun(1)
    model.let(9)
    await model.has_begun(10)
    upload = ask(scheduler, model, Turn(), "upload")
    live = ask(scheduler, model, Turn(is_first=True), "late")
    await asyncio.sleep(0)
    model.let(10)
    await asyncio.gather(*begun, *upload, *live)
    assert model.begun[10:] == ["late", "upload"]
