"""What is seen of a recording that is listened to while it arrives."""

from dataclasses import replace

import pytest

from services.analysis.results import Pending
from services.events.interim import Interim
from services.events.model import EventType
from services.interviews.model import Answer, CallId, CallSide, Mark, PartState, Stage, Status
from services.recordings.ports.arrivals import Plan
from services.transcription.attending import LEFT
from services.transcription.interim import InterimReading
from tests.in_memory import ALICE, Q1
from tests.services.transcription.test_attending import Scene, a_scene, numbers, talk
from tests.services.transcription.test_interim import Bench


async def spoken(seconds: int) -> Scene:
    scene = await a_scene()
    for _ in range(seconds):
        await scene.comes(1.0)
        scene.passes(1.0)
        await scene.rung()
    return scene


async def answer(scene: Scene) -> Answer | None:
    return (await scene.house.sessions.get(scene.session, ALICE)).shown.get(Q1)


def said(scene: Scene) -> str:
    events = scene.house.memory.events.get(scene.session, [])
    return " ".join(event.spoken.text for event in events if event.spoken)


async def test_it_shows_as_being_recorded_with_what_was_said_so_far() -> None:
    scene = await spoken(30)
    now = await answer(scene)
    assert now is not None
    assert (now.status, now.stage, now.transcript) == (Status.PROCESSING, Stage.RECORDING, None)
    assert now.transcribed_seconds == len(said(scene).split()) > 10
    assert said(scene) == await scene.settled()
    assert round(await scene.house.growing.seconds(scene.id)) == 30
    result = await scene.house.analysis.run(scene.session, ALICE)
    assert isinstance(result, Pending) and Q1 in result.standing.processing
    await scene.comes(10.0)
    assert await scene.ends() == numbers(40)
    done = await answer(scene)
    assert done is not None
    assert (done.status, done.stage, done.transcript) == (Status.COMPLETED, None, numbers(40))
    types = [event.type for event in scene.house.memory.events[scene.session]]
    assert types[-4:] == [EventType.QUEUED, EventType.PROCESSING, EventType.COMPLETED, EventType.SCORED]


@pytest.mark.parametrize("ends", ["aborted", "expired"])
async def test_of_what_is_given_up_nothing_is_seen(ends: str) -> None:
    scene = await spoken(30)
    assert said(scene)
    if ends == "aborted":
        await scene.arrivals.abort(scene.id, ALICE)
    else:
        scene.passes(scene.house.memory.terms.arrival_most_seconds)
        await scene.house.sweep.run(24.0)
    assert scene.house.part(scene.id).state is PartState.ABORTED
    assert await answer(scene) is None
    assert said(scene).strip() == ""
    assert scene.house.memory.events[scene.session][-1].type is EventType.DROPPED
    assert scene.house.memory.utterances == {}


async def test_its_end_is_read_once_more_for_who_listens_now_and_settles_nothing() -> None:
    scene, bench = await spoken(30), Bench()
    before = await scene.settled()
    events = list(scene.house.memory.events[scene.session])
    listening = scene.house.listening
    reading = InterimReading(
        find=scene.house.growing.part, read=listening.tail, texts=bench, turn=bench._turn, is_idle=lambda: True
    )
    bench.reading = reading
    async with bench.running():
        reading.grown(scene.id)
        while not bench.said:
            await bench.tick()
    (interim,) = bench.said
    settled = len(before.split())
    assert interim == Interim(
        session_id=scene.session, question_id=Q1, take=1, index=interim.index, start=float(settled), end=30.0,
        text=" ".join(numbers(30).split()[settled:]),
    )  # fmt: skip
    assert interim.index == sum(event.spoken is not None for event in events)
    assert await scene.settled() == before
    assert scene.house.memory.events[scene.session] == events


async def test_of_what_is_over_or_behind_no_end_is_read() -> None:
    scene = await a_scene()
    assert await scene.house.growing.seconds(scene.id) == 0.0
    await scene.comes(30.0)
    part = await scene.house.growing.part(scene.id)
    assert part is not None and await scene.house.listening.tail(part) is None, "it has fallen behind"
    await scene.arrivals.finish(scene.id, ALICE)
    assert await scene.house.growing.part(scene.id) is None


async def test_an_older_take_is_scored_while_a_newer_one_is_recorded_and_stands_when_that_is_given_up() -> None:
    scene = await a_scene()
    house = scene.house
    await house.upload(scene.session, data=talk(3))
    first = next(id for id in house.memory.rows if id != scene.id)
    scene.id = (await scene.arrivals.begin(scene.session, Q1, ALICE, Plan("tus"))).part.id
    scored = house.scoring.first
    worker = replace(house.worker(), score=_nothing)
    await worker.run(first)
    for _ in range(30):
        await scene.comes(1.0)
        scene.passes(1.0)
        await scene.rung()
    now = await answer(scene)
    assert now is not None and (now.take, now.stage) == (3, Stage.RECORDING)
    transcript = await house.records.transcript(first)
    assert transcript is not None
    await scored(house.part(first), transcript)
    await scene.arrivals.abort(scene.id, ALICE)
    back = await answer(scene)
    assert back is not None
    assert (back.take, back.status, back.mark is Mark.PENDING) == (2, Status.COMPLETED, False)


async def _nothing(*_: object) -> None:
    """Whoever was to score it died."""


async def test_what_is_never_listened_to_before_its_end_is_not_read_over_and_over() -> None:
    scene = await a_scene()
    await scene.comes(5.0)
    row, growing = scene.house.memory.rows[scene.id], scene.house.growing
    assert await growing.part(scene.id) is not None
    part = row.part
    row.part = replace(part, channels=2)
    assert await growing.part(scene.id) is None
    row.part = replace(part, side=CallSide.RIGHT, call_id=CallId("c1"))
    assert await growing.part(scene.id) is not None
    row.part = part
    claimed = await scene.house.claims.attend(scene.id, "w", 10_000_000)
    assert claimed is not None and await scene.house.claims.let_go(claimed, *LEFT)
    assert await growing.part(scene.id) is None


async def test_what_is_far_behind_is_not_read_again_and_again_from_its_beginning() -> None:
    scene = await a_scene(140)
    await scene.comes(120.0)
    assert await scene.house.growing.part(scene.id) is not None
    await scene.comes(20.0)
    assert await scene.house.growing.part(scene.id) is None
