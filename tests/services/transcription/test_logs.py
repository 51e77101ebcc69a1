"""Which answer is stuck, and why, can be read in the log."""

import asyncio

import pytest
import structlog
from structlog.contextvars import merge_contextvars

from services.errors import EngineRefused, EngineUnavailable, Problem
from services.interviews.model import Part
from services.interviews.transcript import Transcript
from services.transcription.ports import Speech
from tests.in_memory import Q1, Interior
from tests.logs import Line, captured

log = structlog.get_logger(__name__)


async def heard(house: Interior, problem: Problem | None = None) -> tuple[Part, list[Line]]:
    """What is logged while a recording is worked off with an engine that says something of its own."""
    part, transcribe = await house.upload(await house.session()), house.ears.transcribe

    async def says(speech: Speech) -> Transcript:
        log.warning("of the engine")
        if problem is not None:
            raise problem
        return await transcribe(speech)

    house.ears.transcribe = says  # type: ignore[method-assign]
    with captured(merge_contextvars) as logs:
        await house.work_off()
    return part, logs


async def test_whatever_is_logged_while_an_answer_is_in_work_names_it() -> None:
    part, logs = await heard(Interior())
    named = {"part": part.id, "session": part.session_id, "question": Q1}
    said = [line["event"] for line in logs]
    assert {"transcription started", "of the engine", "transcription completed", "audio deleted"} <= set(said)
    assert [line["event"] for line in logs if named.items() - line.items()] == []


@pytest.mark.parametrize(
    ("problem", "what"),
    [
        (EngineUnavailable("It sleeps."), {"next": "Again", "again_in": 2.0, "reason": "It sleeps."}),
        (EngineRefused("It asks for money."), {"next": "GiveUp", "reason": "It asks for money."}),
    ],
)
async def test_why_it_failed_and_when_it_is_tried_again_is_told(problem: Problem, what: dict[str, object]) -> None:
    part, logs = await heard(Interior(), problem)
    failed = next(line for line in logs if line["event"] == "transcription failed")
    named = {"part": part.id, "session": part.session_id, "question": Q1}
    assert failed.items() >= {"code": problem.code, "delivery": 1, **named, **what}.items()


async def test_an_answer_that_a_stopping_worker_gives_back_is_named() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    house.ears.hold.clear()
    with captured(merge_contextvars) as logs:
        job = asyncio.create_task(house.worker().run(part.id))
        while not house.ears.heard:
            await asyncio.sleep(0)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    assert [line["part"] for line in logs if line["event"] == "answer given back"] == [part.id]


async def test_the_sweep_names_what_it_takes_back_and_what_it_fails() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    most = house.memory.terms.max_deliveries
    with captured() as logs:
        for _ in range(most):
            assert await house.claims.claim(part.id, "silent")
            house.memory.clock.advance(house.memory.terms.lease_seconds + 1)
            await house.sweep.run(24)
    swept = [(line["what"], line["part"], line["deliveries"]) for line in logs if line["event"] == "swept"]
    assert swept == [*[("reclaimed", part.id, number) for number in range(1, most)], ("failed", part.id, most)]
