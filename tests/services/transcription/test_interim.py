"""What is being said right now: read by who is idle, told to who listens, kept nowhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from services.errors import EngineUnavailable, Problem
from services.events.interim import MOST_INTERIM_BYTES, Interim
from services.interviews.model import CallId, CallSide, Part, PartId, aside_of
from services.interviews.transcript import Transcript, Utterance
from services.transcription import interim
from services.transcription.interim import InterimReading
from services.transcription.tails import Tail
from tests.services.adapters.stores import Q1, S1, a_part
from tests.virtual_time import HurriedLoop, hurried


@dataclass
class Bench:
    """An engine, other workers, and those who listen."""

    said: list[Interim] = field(default_factory=list)
    read: list[PartId] = field(default_factory=list)
    before: list[Tail | None] = field(default_factory=list)
    parts: dict[PartId, Part] = field(default_factory=dict)
    taken: set[PartId] = field(default_factory=set)
    text: str = "so far"
    trouble: Problem | None = None
    is_busy: bool = False
    has_room: bool = True
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hold.set()
        self.reading = InterimReading(
            find=self._find,
            read=self._read,
            texts=self,
            turn=self._turn,
            is_idle=lambda: not self.is_busy,
        )

    async def take(self, id: PartId) -> bool:
        return id not in self.taken

    async def say(self, interim: Interim) -> None:
        self.said.append(interim)

    async def listen(self, heard: object) -> None:
        raise AssertionError("a worker does not")

    async def _find(self, id: PartId) -> Part | None:
        return self.parts.get(id)

    async def _read(self, part: Part, before: Tail | None) -> Tail | None:
        self.read.append(part.id)
        self.before.append(before)
        await self.hold.wait()
        if self.trouble:
            raise self.trouble
        transcript = Transcript(text=self.text, language=None, duration=2.5)
        return Tail(Utterance(number=3, start=48.0, transcript=transcript), 48.0) if self.text else None

    @asynccontextmanager
    async def _turn(self, seconds: float) -> AsyncIterator[bool]:
        yield self.has_room

    async def tick(self) -> None:
        await asyncio.sleep(0)

    def arriving(self) -> PartId:
        part = a_part()
        self.parts[part.id] = part
        return part.id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.reading.run())
        try:
            yield
            await asyncio.sleep(0.02)
        finally:
            task.cancel()
            await asyncio.wait([task])


@hurried
async def test_what_grows_is_read_and_told_as_what_it_is_likely_to_become() -> None:
    bench = Bench()
    async with bench.running():
        bench.reading.grown(bench.arriving())
    assert bench.said == [
        Interim(session_id=S1, question_id=Q1, take=1, index=3, start=48.0, end=50.5, text="so far"),
    ]


@pytest.mark.parametrize("side", CallSide)
@hurried
async def test_of_a_call_it_is_told_whose_words_they_are(side: CallSide) -> None:
    bench = Bench()
    asked = Q1 if side is CallSide.LEFT else aside_of(Q1)
    part = replace(a_part(), question_id=asked, call_id=CallId("c1"), side=side)
    bench.parts[part.id] = part
    async with bench.running():
        bench.reading.grown(part.id)
    assert [(one.question_id, one.call_id, one.side) for one in bench.said] == [(Q1, "c1", side)]


@hurried
async def test_what_grew_several_times_is_read_once() -> None:
    bench, ids = Bench(), []
    ids = [bench.arriving(), bench.arriving()]
    for id in (*ids, *ids):
        bench.reading.grown(id)
    async with bench.running():
        pass
    assert bench.read == ids


@hurried
async def test_who_has_work_reads_nothing_before_it_is_done() -> None:
    bench = Bench(is_busy=True)
    id = bench.arriving()
    async with bench.running():
        bench.reading.grown(id)
        await asyncio.sleep(0.02)
        assert bench.read == []
        bench.is_busy = False
        bench.reading.freed()
    assert bench.read == [id]


@hurried
async def test_who_gets_work_leaves_the_rest_for_later() -> None:
    bench = Bench()
    bench.hold.clear()
    ids = [bench.arriving(), bench.arriving()]
    async with bench.running():
        for id in ids:
            bench.reading.grown(id)
        while not bench.read:
            await bench.tick()
        bench.is_busy = True
        bench.hold.set()
        await asyncio.sleep(0.02)
        assert bench.read == ids[:1]
        bench.is_busy = False
        bench.reading.freed()
    assert bench.read == ids


def test_what_grows_all_the_time_is_read_as_often_as_may_be() -> None:
    bench = Bench()
    begun: list[float] = []

    async def grows() -> None:
        loop = asyncio.get_running_loop()
        id = bench.arriving()
        reading = asyncio.create_task(bench.reading.run())
        for _ in range(40):
            read = len(bench.read)
            bench.reading.grown(id)
            await asyncio.sleep(0.1)
            begun.extend([loop.time()] * (len(bench.read) - read))
        reading.cancel()

    HurriedLoop.runs(grows())
    assert len(begun) == pytest.approx(4.0 / interim.APART_SECONDS, abs=1)
    assert all(later - one >= interim.APART_SECONDS - 0.11 for one, later in pairwise(begun))


def test_what_grew_while_it_was_read_is_read_again_at_once() -> None:
    bench = Bench()
    bench.hold.clear()

    async def grows() -> list[float]:
        loop = asyncio.get_running_loop()
        id, times = bench.arriving(), list[float]()
        reading = asyncio.create_task(bench.reading.run())
        bench.reading.grown(id)
        await asyncio.sleep(0.2)
        bench.reading.grown(id)
        await asyncio.sleep(0.8)
        bench.hold.set()
        while len(bench.read) < 2:
            await asyncio.sleep(0.01)
        times.append(loop.time())
        reading.cancel()
        return times

    assert HurriedLoop.runs(grows()) == [pytest.approx(1.0, abs=0.02)]


@pytest.mark.parametrize("is_done", [False, True])
@hurried
async def test_what_was_read_when_work_came_is_not_told_but_read_again(*, is_done: bool) -> None:
    bench = Bench()
    bench.hold.clear()
    id = bench.arriving()
    async with bench.running():
        bench.reading.grown(id)
        while not bench.read:
            await bench.tick()
        bench.is_busy = True
        if is_done:
            bench.is_busy = False
            bench.reading.freed()
        bench.hold.set()
        while not bench.reading._grown:
            await bench.tick()
        assert bench.said == []
    assert list(bench.reading._grown) == [id]


@pytest.mark.parametrize("lack", ["room", "taken", "gone", "text"])
@hurried
async def test_where_it_cannot_be_read_nothing_is_told(lack: str) -> None:
    bench = Bench(has_room=lack != "room", text="" if lack == "text" else "so far")
    id = bench.arriving()
    if lack == "taken":
        bench.taken.add(id)
    if lack == "gone":
        bench.parts.clear()
    async with bench.running():
        bench.reading.grown(id)
    assert bench.said == []


@hurried
async def test_what_goes_wrong_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interim, "READ_SECONDS", 0.01)
    bench = Bench(trouble=EngineUnavailable())
    async with bench.running():
        bench.reading.grown(bench.arriving())
        while not bench.read:
            await asyncio.sleep(0)
        bench.trouble = None
        bench.hold.clear()
        bench.reading.grown(bench.arriving())
        while len(bench.read) < 2:
            await asyncio.sleep(0)
        while bench.reading._grown:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        bench.hold.set()
        bench.reading.grown(bench.arriving())
        while len(bench.read) < 3:
            await asyncio.sleep(0)
    assert len(bench.said) == 1


def test_what_was_read_is_gone_on_from_and_forgotten_where_no_more_comes() -> None:
    bench = Bench()

    async def grows() -> None:
        id = bench.arriving()
        reading = asyncio.create_task(bench.reading.run())
        for seconds in (1.0, interim.TAIL_SECONDS - 1.0, interim.TAIL_SECONDS + 1.0, 1.0):
            bench.reading.grown(id)
            await asyncio.sleep(seconds)
        assert len(bench.reading._tails) == 1
        await asyncio.sleep(interim.TAIL_SECONDS)
        assert bench.reading._tails == {}
        reading.cancel()

    HurriedLoop.runs(grows())
    assert [one is not None for one in bench.before] == [False, True, True, False]


@hurried
async def test_no_more_is_told_than_an_utterance_may_have() -> None:
    bench = Bench(text="x" * 10_000)
    async with bench.running():
        bench.reading.grown(bench.arriving())
    assert len(bench.said[0].text) == MOST_INTERIM_BYTES
    assert replace(bench.said[0], text="") == Interim(
        session_id=S1, question_id=Q1, take=1, index=3, start=48.0, end=50.5, text=""
    )
