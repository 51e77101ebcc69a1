"""What one refusal does to the other calls of a process, in virtual time; and 200 answers against small rate limits."""

import asyncio
import copy
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import structlog

from services.errors import EngineBusy, EngineUnavailable, Problem, ScorerBusy
from services.interviews.model import ENDED, Evaluation, Mark, PartState, Question
from services.interviews.transcript import Transcript
from services.throttle import Throttle
from services.transcription.ports import Speech
from tests.at_length import long_but
from tests.fakes.memory import Clock
from tests.in_memory import Interior
from tests.virtual_time import HurriedLoop

ANSWERS = 200
SIDE_BY_SIDE = 65
CALL_SECONDS = 1.5
MINUTE = 60.0


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def now() -> float:
    return asyncio.get_running_loop().time()


async def answered() -> str:
    return "text"


def refused(seconds: float | None) -> Callable[[], Awaitable[str]]:
    async def ask() -> str:
        raise EngineBusy(retry_after=seconds)

    return ask


async def is_refused(throttle: Throttle, seconds: float | None = None) -> float:
    with pytest.raises(EngineBusy) as raised:
        await throttle.call(refused(seconds))
    return raised.value.retry_after or 0.0


def test_one_refusal_holds_every_call_back_until_the_moment_it_names() -> None:
    async def story() -> None:
        throttle = Throttle(EngineBusy, chance=lambda: 0.0)
        assert await is_refused(throttle, 600.0) == 600.0
        with pytest.raises(EngineBusy) as raised:
            await throttle.call(answered)
        assert raised.value.retry_after == 600.0
        async with throttle.turn(30.0) as came:
            assert (came, now()) == (False, 30.0)
        async with throttle.turn(6000.0) as came:
            assert (came, now()) == (True, 600.0)
            assert await throttle.call(answered) == "text"

    HurriedLoop.runs(story())


def test_after_a_pause_calls_begin_one_by_one_and_one_more_goes_beside_them_with_each_round() -> None:
    begun: list[float] = []

    async def ask() -> str:
        begun.append(now())
        await asyncio.sleep(1.0)
        return "text"

    async def one(throttle: Throttle) -> None:
        async with throttle.turn(1000.0) as came:
            assert came
            await throttle.call(ask)

    async def story() -> None:
        throttle = Throttle(EngineBusy, chance=lambda: 0.0)
        await is_refused(throttle, 10.0)
        await asyncio.gather(*(one(throttle) for _ in range(15)))

    HurriedLoop.runs(story())
    rounds = list(Counter(begun).values())
    assert (begun[0], rounds[0], sum(rounds)) == (10.0, 1, 15)
    assert max(rounds) >= 3
    assert all(later <= earlier + 1 for earlier, later in pairwise(rounds))


def test_refusals_of_what_was_under_way_are_one_refusal() -> None:
    async def is_busy() -> str:
        await asyncio.sleep(1.0)
        raise EngineBusy(retry_after=10.0)

    async def one(throttle: Throttle, came: list[bool]) -> None:
        async with throttle.turn(1.0) as here:
            came.append(here)
            with suppress(EngineBusy):
                await throttle.call(is_busy)

    async def story() -> tuple[list[bool], list[bool]]:
        throttle = Throttle(EngineBusy, chance=lambda: 0.0)
        first: list[bool] = []
        then: list[bool] = []
        await asyncio.gather(*(one(throttle, first) for _ in range(8)))
        await asyncio.sleep(10.0)
        await asyncio.gather(*(one(throttle, then) for _ in range(6)))
        return first, then

    first, then = HurriedLoop.runs(story())
    assert (first, then) == ([True] * 8, [True] + [False] * 5)


def test_a_server_that_names_no_time_is_left_alone_for_longer_and_longer() -> None:
    async def story() -> list[float]:
        throttle, waits = Throttle(EngineBusy, chance=lambda: 0.0), []
        for _ in range(6):
            waits.append(await is_refused(throttle))
            await asyncio.sleep(waits[-1])
        await throttle.call(answered)
        return [*waits, await is_refused(throttle)]

    assert HurriedLoop.runs(story()) == [2.0, 8.0, 32.0, 120.0, 120.0, 120.0, 2.0]


def test_processes_do_not_come_back_at_the_same_moment_and_none_too_early() -> None:
    async def story() -> list[float]:
        return [await is_refused(Throttle(EngineBusy), 20.0) for _ in range(50)]

    waits = HurriedLoop.runs(story())
    assert all(20.0 <= wait <= 22.0 for wait in waits)
    assert len(set(waits)) > 40


def test_other_failures_pause_nothing() -> None:
    async def fails() -> str:
        raise EngineUnavailable(retry_after=60.0)

    async def story() -> None:
        throttle = Throttle(EngineBusy)
        with pytest.raises(EngineUnavailable):
            await throttle.call(fails)
        assert throttle.pause == 0.0

    HurriedLoop.runs(story())


@dataclass
class Limited:
    """A server that takes so many calls within any minute, and says when it takes the next."""

    a_minute: int
    busy: type[Problem] = EngineBusy
    taken: list[float] = field(default_factory=list)
    calls: list[tuple[str, float, bool]] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    told: dict[str, float] = field(default_factory=dict)

    async def ask(self, process: str) -> None:
        begun = now()
        recent = [moment for moment in self.taken if moment > begun - MINUTE]
        takes = len(recent) < self.a_minute
        self.calls.append((process, begun, takes))
        if begun < self.told.get(process, 0.0):
            self.early.append(begun)
        if takes:
            self.taken.append(begun)
        await asyncio.sleep(CALL_SECONDS if takes else 0.1)
        if not takes:
            wait = recent[0] + MINUTE - begun
            self.told[process] = now() + wait
            raise self.busy(retry_after=wait)


@dataclass
class LimitedEars:
    """An engine that calls the server, as the hosted one does."""

    server: Limited
    throttle: Throttle
    process: str

    async def transcribe(self, speech: Speech) -> Transcript:
        await self.throttle.call(lambda: self.server.ask(self.process))
        return Transcript(text="said", language=None, duration=1.0, engine="limited")


@dataclass
class LimitedScorer:
    """A scorer that calls the server, as the hosted one does."""

    server: Limited
    throttle: Throttle
    process: str

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        await self.throttle.call(lambda: self.server.ask(self.process))
        return Evaluation(score=50.0, scorer="limited")


class AtOnce:
    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        return Evaluation(score=50.0, scorer="at once")


class LoopClock(Clock):
    """The store's clock goes with the loop's."""

    def __init__(self) -> None:
        pass

    @property
    def now(self) -> datetime:  # type: ignore[override]
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())


async def _work(house: Interior, name: str) -> None:
    """As one of a worker process' threads: it hears one ring after the other."""
    worker = house.worker(name)
    while True:
        if house.doorbell.to_transcribe:
            await worker.run(house.doorbell.to_transcribe.pop(0))
        elif house.doorbell.to_score:
            await house.scoring.run(house.doorbell.to_score.pop(0))
        else:
            await asyncio.sleep(5.0)


async def interview(server: Limited, processes: int) -> Interior:
    """All answers at once; until all have ended, and are scored."""
    house = Interior(scorer=AtOnce())
    house.memory.clock = LoopClock()
    for number in range(ANSWERS):
        await house.upload(await house.session(), data=f"answer {number}".encode() * 100)
    workers: list[asyncio.Task[None]] = []
    for number in range(processes):
        process, name = copy.copy(house), f"process {number}"
        process.throttle, process.scorer_throttle = Throttle(EngineBusy), Throttle(ScorerBusy)
        if server.busy is EngineBusy:
            process.engine = LimitedEars(server, process.throttle, name)
        else:
            process.scorer = LimitedScorer(server, process.scorer_throttle, name)
        workers += [asyncio.create_task(_work(process, name)) for _ in range(SIDE_BY_SIDE)]
    while any(row.part.state not in ENDED or row.to_score for row in house.memory.rows.values()):
        await asyncio.sleep(5.0)
        await house.sweep.run(24.0)
    return house


@pytest.mark.parametrize(
    ("busy", "a_minute", "processes"),
    long_but(
        (EngineBusy, 30, 3),
        (ScorerBusy, 30, 1),
        of=[
            (EngineBusy, 3, 1),
            (EngineBusy, 30, 1),
            (EngineBusy, 300, 1),
            (EngineBusy, 30, 3),
            (ScorerBusy, 3, 1),
            (ScorerBusy, 30, 1),
            (ScorerBusy, 300, 1),
        ],
    ),
)
def test_two_hundred_answers_against_a_rate_limit_all_complete_without_a_storm(
    busy: type[Problem], a_minute: int, processes: int
) -> None:
    server = Limited(a_minute, busy)

    async def story() -> tuple[Interior, float]:
        return await interview(server, processes), now()

    house, seconds = HurriedLoop.runs(story())
    rows = list(house.memory.rows.values())
    assert Counter(row.part.state for row in rows) == {PartState.COMPLETED: ANSWERS}
    assert {row.part.deliveries for row in rows} == {1}, "waiting is no delivery"
    assert {row.score_failures for row in rows} == {0}, "nor is it a failure of the scorer"
    answers = [answer for session in house.memory.sessions.values() for answer in session.answers.values()]
    assert {answer.mark for answer in answers} == {Mark.SCORED}
    assert server.early == []
    assert sum(taken for *_, taken in server.calls) == ANSWERS, "each is paid for once"
    vain = [moment for _, moment, taken in server.calls if not taken]
    # Before anybody knows of the limit all ask at once; after that a process asks about once in vain for each answer.
    assert len(vain) <= (SIDE_BY_SIDE + ANSWERS) * processes
    most = max(Counter(int(moment) for moment in vain if moment > 10.0).values(), default=0)
    assert most <= (5 + a_minute / 3) * processes
    least = max(0, ANSWERS - a_minute) / a_minute * MINUTE
    assert seconds <= 1.35 * least + 120
