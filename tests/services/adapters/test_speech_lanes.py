"""A few cores, shared by answers of any length."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.adapters.local_speech.lanes import Lanes, Turn
from services.adapters.local_speech.tasks import Reading, Task
from services.adapters.local_speech.windows import Window
from services.ports.speech import Recording
from services.transcript import Span


def task(name: str, seconds: float = 10.0) -> Task:
    return Task(Recording(b"", seconds), Window((Span(0.0, seconds),)), name, None)


class Model:
    """Reads when it is told to; notes what was read together, and how many threads read at once."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._gate = threading.Semaphore(0)

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        names = [str(one.language) for one in tasks]
        with self._lock:
            self.batches.append(names)
            self._now += 1
            self.most = max(self.most, self._now)
        self._gate.acquire()
        with self._lock:
            self._now -= 1
        if "broken" in names:
            raise RuntimeError("broken")
        return [Reading(name) for name in names]

    def let(self, batches: int) -> None:
        self._gate.release(batches)

    async def has_begun(self, batches: int) -> None:
        async with asyncio.timeout(20):
            while len(self.batches) < batches:
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


def ask(lanes: Lanes, model: Model, turn: Turn, *tasks: Task) -> list["asyncio.Task[Reading]"]:
    return [asyncio.create_task(lanes.read(turn, one, model.read)) for one in tasks]


async def test_a_long_answer_takes_all_cores_and_no_more(model: Model, threads: ThreadPoolExecutor) -> None:
    asked = ask(Lanes(threads, 2), model, Turn(), *[task("a")] * 12)
    await model.has_begun(2)
    model.let(100)
    assert [one.language for one in await asyncio.gather(*asked)] == ["a"] * 12
    assert model.most == 2
    assert sum(map(len, model.batches)) == 12


async def test_a_short_answer_takes_one_core(model: Model, threads: ThreadPoolExecutor) -> None:
    (asked,) = ask(Lanes(threads, 4), model, Turn(), task("a"))
    model.let(1)
    assert (await asked).language == "a"
    assert model.batches == [["a"]]


async def test_idle_cores_come_before_reading_together(model: Model, threads: ThreadPoolExecutor) -> None:
    asked = ask(Lanes(threads, 2), model, Turn(), task("a"), task("a"))
    await model.has_begun(2)
    model.let(2)
    await asyncio.gather(*asked)
    assert model.batches == [["a"], ["a"]]


async def test_what_waits_for_the_same_core_is_read_together(model: Model, threads: ThreadPoolExecutor) -> None:
    lanes = Lanes(threads, 1)
    first = ask(lanes, model, Turn(), task("a"))
    await model.has_begun(1)
    others = [one for _ in range(5) for one in ask(lanes, model, Turn(), task("b"))]
    await asyncio.sleep(0)
    model.let(10)
    await asyncio.gather(*first, *others)
    assert [len(batch) for batch in model.batches] == [1, 4, 1]


async def test_a_short_answer_does_not_wait_for_a_long_one_to_end(model: Model, threads: ThreadPoolExecutor) -> None:
    lanes = Lanes(threads, 1)
    long = ask(lanes, model, Turn(), *[task("long")] * 20)
    await model.has_begun(1)
    short = ask(lanes, model, Turn(), task("short", 2.0))
    await asyncio.sleep(0)
    model.let(100)
    await asyncio.gather(*long, *short)
    assert model.batches.index(["short"]) <= 2


async def test_a_long_answer_is_not_starved_by_short_ones(model: Model, threads: ThreadPoolExecutor) -> None:
    lanes = Lanes(threads, 1)
    long = ask(lanes, model, Turn(), task("first", 15.0))
    await model.has_begun(1)
    turn = Turn()
    long += ask(lanes, model, turn, *[task("long", 15.0)] * 5)
    short = [one for number in range(10) for one in ask(lanes, model, Turn(), task(f"short {number}", 2.0))]
    await asyncio.sleep(0)
    model.let(100)
    await asyncio.gather(*long, *short)
    assert model.batches[1] == ["long"] * 4


async def test_whoever_stops_waiting_is_not_read(model: Model, threads: ThreadPoolExecutor) -> None:
    lanes = Lanes(threads, 1)
    first = ask(lanes, model, Turn(), task("a"))
    await model.has_begun(1)
    gone, kept = ask(lanes, model, Turn(), task("gone", 2.0), task("kept", 15.0))
    await asyncio.sleep(0)
    gone.cancel()
    model.let(10)
    await asyncio.gather(*first, kept)
    assert model.batches == [["a"], ["kept"]]


async def test_one_that_cannot_be_read_spoils_no_other(model: Model, threads: ThreadPoolExecutor) -> None:
    lanes = Lanes(threads, 1)
    together: list[int] = []

    def read(several: Sequence[Task]) -> list[Reading]:
        if len(several) > 1:
            together.append(len(several))
            raise RuntimeError("together")
        return model.read(several)

    first = ask(lanes, model, Turn(), task("a"))
    await model.has_begun(1)
    asked = [asyncio.create_task(lanes.read(Turn(), task("b"), read)) for _ in range(3)]
    await asyncio.sleep(0)
    model.let(10)
    await asyncio.gather(*first)
    assert [one.language for one in await asyncio.gather(*asked)] == ["b", "b", "b"]
    assert together == [3]


async def test_the_error_reaches_who_asked_and_the_core_is_free_again(
    model: Model, threads: ThreadPoolExecutor
) -> None:
    lanes = Lanes(threads, 1)
    model.let(2)
    (broken,) = ask(lanes, model, Turn(), task("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await broken
    (asked,) = ask(lanes, model, Turn(), task("a"))
    assert (await asked).language == "a"


async def test_closed_threads_are_an_error_and_no_wait(model: Model) -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    (asked,) = ask(Lanes(threads, 1), model, Turn(), task("a"))
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(asked, 20)
