"""Listening to recordings while they arrive: whatever comes when, each second is heard once, and the end is soon."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.decoded import Decoded
from services.errors import AudioUnreadable, EngineBusy, EngineUnavailable, Problem
from services.interviews.model import PartId, PartState, SessionId
from services.interviews.transcript import Segment, Span, Transcript
from services.recordings.ports.arrivals import NEVER_DUE, Plan
from services.transcription.attending import due
from services.transcription.listening import Rest
from services.transcription.ports import RATE, START, Activity, Following, Place, Recording, Sound, Source, Speech
from services.transcription.stretches import Length
from tests.at_length import examples
from tests.fakes.memory import Terms
from tests.faults import Fault, Faulty
from tests.in_memory import ALICE, Q1, Ears, Followed, Interior
from tests.processes import Died, seen_by
from tests.virtual_time import HurriedLoop

SECOND = 2 * RATE
LIVE = Length(4.0, 6.0, 0.5)
LONG = Length(20.0, 25.0)
LEASE = Terms().lease_seconds + 1


class Talk(Ears):
    """Somebody says the number of each second; `spoken` is what was given to the engine, of which each word counts."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []
        self.troubles: list[Problem] = []
        self.waits = False

    def follow(self, state: bytes = b"") -> Following:
        return WholeSeconds(self)

    async def find(self, recording: Recording) -> Activity:
        spans = [Span(0.0, recording.duration)] if recording.pcm else []
        return Activity(spans, spans)

    async def transcribe(self, speech: Speech) -> Transcript:
        self.waits = True
        await self.hold.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        pcm = speech.recording.pcm
        words = [str(int.from_bytes(pcm[at + 8 : at + 10], "little")) for at in range(0, len(pcm), SECOND)]
        self.given += words
        segments = tuple(Segment(text=word, start=at + 0.0, end=at + 1.0) for at, word in enumerate(words))
        text, duration = " ".join(words), len(pcm) / SECOND
        return Transcript(text=text, language=None, duration=duration, segments=segments, engine="talk")


class WholeSeconds(Followed):
    async def pause(self, pcm: bytes, first: float, last: float) -> float:
        return float(int(first) + len(pcm) // SECOND % 2)


def talk(seconds: int) -> bytes:
    """Each second says its number; the first begins as a recording does."""
    each = (b"OggS----" + second.to_bytes(2, "little") for second in range(seconds))
    return b"".join(one + bytes(SECOND - len(one)) for one in each)


def numbers(seconds: int) -> str:
    return " ".join(map(str, range(seconds)))


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass
class Scene:
    """A recording that arrives at one process, with others that listen."""

    seconds: int
    house: Interior = field(default_factory=lambda: Interior(ears=Talk(), length=LONG, live=LIVE))
    sent: int = 0

    async def begin(self) -> None:
        self.session: SessionId = await self.house.session()
        self.arrivals = self.house.arrivals
        self.data = talk(self.seconds)
        self.id: PartId = (await self.arrivals.begin(self.session, Q1, ALICE, Plan("tus"))).part.id

    @property
    def ears(self) -> Talk:
        assert isinstance(self.house.ears, Talk)
        return self.house.ears

    def passes(self, seconds: float) -> None:
        self.house.memory.clock.advance(seconds)

    async def comes(self, seconds: float) -> None:
        """So much more of it."""
        piece = self.data[self.sent : self.sent + round(seconds * SECOND)]
        if piece:
            self.sent = (await self.arrivals.append(self.id, ALICE, self.sent, once(piece))).offset
        await self.arrivals.close()

    async def rung(self) -> None:
        """Every ring is heard."""
        bell = self.house.doorbell.to_transcribe
        while bell:
            await self.house.worker().run(bell.pop(0))

    async def settled(self) -> str:
        return " ".join(one.transcript.text for one in await self.house.utterances.settled(self.id))

    async def ends(self) -> str | None:
        await self.arrivals.finish(self.id, ALICE)
        await self.rung()
        return await self.text()

    async def text(self) -> str | None:
        transcript = await self.house.records.transcript(self.id)
        return transcript.text if transcript else None


async def a_scene(seconds: int = 40) -> Scene:
    scene = Scene(seconds)
    await scene.begin()
    return scene


async def test_what_is_spoken_is_settled_while_it_arrives_and_read_once() -> None:
    scene = await a_scene()
    for _ in range(40):
        await scene.comes(1.0)
        scene.passes(1.0)
        await scene.rung()
    assert scene.house.part(scene.id).state is PartState.UPLOADING
    assert len((await scene.settled()).split()) > 20
    assert (await scene.settled()).split() == numbers(40).split()[: len((await scene.settled()).split())]
    assert await scene.ends() == numbers(40)
    assert scene.ears.given == numbers(40).split(), "nothing is read twice"
    assert scene.house.memory.utterances == {}


async def test_what_comes_faster_is_gone_on_with_as_long_as_there_is_enough() -> None:
    scene = await a_scene()
    await scene.comes(30.0)
    scene.passes(20.0)
    await scene.comes(0.1)
    await scene.rung()
    assert 30 - len((await scene.settled()).split()) < LIVE.most + LIVE.more + 1


async def test_nobody_listens_before_there_is_enough_or_where_no_more_comes() -> None:
    scene = await a_scene()
    await scene.comes(3.0)
    scene.passes(20.0)
    await scene.comes(1.0)
    assert scene.house.doorbell.to_transcribe == [scene.id], "so late there may be enough, at another rate"
    await scene.rung()
    assert scene.ears.given == []
    scene.passes(500.0)
    for _ in range(3):
        await scene.house.worker().run(scene.id)
    assert scene.house.memory.rows[scene.id].part.fence == 1, "nothing came, and nobody looked"


async def test_the_stretch_that_is_in_work_at_the_finish_is_settled_and_the_rest_follows_at_once() -> None:
    scene = await a_scene(30)
    await scene.comes(10.0)
    scene.ears.hold.clear()
    listening = asyncio.create_task(scene.house.worker("first").run(scene.id))
    await _until(lambda: scene.house.part(scene.id).listener == "first")
    await scene.comes(20.0)
    await scene.arrivals.finish(scene.id, ALICE)
    other = scene.house.worker("other")
    await other.run(scene.id)
    assert scene.house.part(scene.id).state is PartState.QUEUED, "it is the listener's"
    scene.ears.hold.set()
    await listening
    assert await scene.text() == numbers(30)
    assert scene.ears.given == numbers(30).split()


@pytest.mark.parametrize(
    "problem",
    [EngineUnavailable(), EngineUnavailable(retry_after=1e12), EngineBusy(retry_after=5.0), AudioUnreadable()],
)
async def test_what_goes_wrong_while_it_arrives_is_tried_again_and_seen_by_nobody(problem: Problem) -> None:
    scene = await a_scene()
    await scene.comes(15.0)
    scene.ears.troubles = [problem]
    await scene.house.worker().run(scene.id)
    part = scene.house.part(scene.id)
    assert (part.state, part.listener, part.failure) == (PartState.UPLOADING, None, None)
    scene.passes(60.0)
    await scene.comes(25.0)
    assert await scene.ends() == numbers(40)


async def test_what_goes_wrong_each_time_is_left_until_it_is_complete() -> None:
    scene = await a_scene()
    await scene.comes(15.0)
    for _ in range(10):
        scene.ears.troubles = [EngineUnavailable()]
        await scene.house.worker().run(scene.id)
        scene.passes(60.0)
    assert scene.house.part(scene.id).fence == scene.house.memory.terms.max_deliveries
    scene.ears.troubles = []
    await scene.comes(25.0)
    assert await scene.ends() == numbers(40)


async def test_a_listener_that_is_told_to_stop_gives_it_back() -> None:
    scene = await a_scene()
    await scene.comes(15.0)
    scene.ears.hold.clear()
    stopped = asyncio.create_task(scene.house.worker().run(scene.id))
    await _until(lambda: scene.house.part(scene.id).listener is not None)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    scene.ears.hold.set()
    await scene.house.worker().run(scene.id)
    assert len((await scene.settled()).split()) > 5


@pytest.mark.parametrize("erased", [False, True])
async def test_what_is_given_up_leaves_no_words(erased: bool) -> None:
    scene = await a_scene()
    await scene.comes(15.0)
    await scene.house.worker().run(scene.id)
    assert await scene.settled()
    await (scene.house.erasing.session(scene.session, ALICE) if erased else scene.arrivals.abort(scene.id, ALICE))
    await scene.house.worker().run(scene.id)
    scene.passes(600.0)
    await scene.house.sweep.run(24.0)
    await scene.house.sweep.audit()
    assert scene.house.memory.utterances == {}
    assert await scene.text() is None


async def test_it_is_due_with_as_many_bytes_as_another_stretch_has() -> None:
    listened, delay = due(1000, Rest(10.0, 2.5))
    assert (listened.seen, listened.seconds, listened.due, delay) == (1000, 10.0, 1250, 2.5)
    assert due(1000, Rest(0.0, 20.0))[0].due > 1000
    assert due(1000, Rest(10.0, None))[0].due == NEVER_DUE


async def test_what_cannot_be_entered_is_left_once_much_is_before_it() -> None:
    scene = Scene(200, house=Interior(ears=FromTheBeginning(), length=LONG, live=LIVE))
    await scene.begin()
    for _ in range(200):
        await scene.comes(1.0)
        scene.passes(1.0)
        await scene.rung()
    assert 60 < len((await scene.settled()).split()) < 90
    assert await scene.ends() == numbers(200)


class FromTheBeginning(Talk):
    """Of a container that cannot be entered."""

    @asynccontextmanager
    async def listen(self, source: Source, place: Place = START) -> AsyncIterator[Sound]:
        async with super().listen(source, place) as sound:
            yield replace(cast(Decoded, sound), entries=sound.entries[:1])


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come")


# Of pieces, time that passes, workers that listen, and such that die or are refused at one of their calls.
PIECES = st.tuples(st.just("comes"), st.sampled_from([0.3, 1.0, 2.5, 7.0, 16.0]))
TIMES = st.tuples(st.just("passes"), st.sampled_from([1.0, 20.0, LEASE]))
WORK = st.tuples(st.sampled_from(["works", "sweeps"]), st.just(0.0))
FAULTS = st.tuples(st.sampled_from(list(Fault)), st.integers(1, 40))
STEPS = st.lists(PIECES | PIECES | TIMES | WORK | FAULTS, min_size=5, max_size=40)


async def play(steps: list[tuple[str, float]], seconds: int) -> None:
    scene = await a_scene(seconds)
    for what, number in steps:
        if what == "comes":
            await scene.comes(number)
        elif what == "passes":
            scene.passes(number)
        elif what == "works":
            await scene.rung()
            await scene.house.worker().run(scene.id)
        elif what == "sweeps":
            await scene.house.sweep.run(24.0)
        else:
            await dies(scene, Faulty(Fault(what), int(number)))
        told = (await scene.settled()).split()
        assert told == numbers(seconds).split()[: len(told)]
    await scene.comes(seconds)
    await scene.arrivals.finish(scene.id, ALICE)
    for _ in range(12):
        await scene.rung()
        scene.passes(LEASE)
        await scene.house.sweep.run(24.0)
    assert await scene.text() == numbers(seconds)
    await scene.house.sweep.audit()
    assert scene.house.memory.utterances == {}


async def dies(scene: Scene, process: Faulty) -> None:
    try:
        await seen_by(process, scene.house, "ears").worker("dies").run(scene.id)
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck


@settings(max_examples=examples(80), deadline=None)
@given(STEPS, st.integers(8, 60))
def test_however_it_comes_and_whoever_dies_each_second_is_heard_once(
    steps: list[tuple[str, float]], seconds: int
) -> None:
    HurriedLoop.runs(play(steps, seconds))
