"""A worker process opens what it needs when the first job comes, and again where that failed."""

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from app import worker
from app.config import Settings
from app.engines import Engines, open_engines
from app.worker import Process, WorkerServices
from services.operations.sweep import Counts
from tests.scripts.running import until

NOBODY = "mongodb://127.0.0.1:1/?replicaSet=rs0"


@pytest.fixture
def process() -> Iterator[Process]:
    made = Process(Settings(mongodb_url=NOBODY, speech_engine="openai", openai_api_key="sk-x"))
    yield made
    made.close()


def loops() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "loop" and thread.is_alive()}


def test_an_opening_that_fails_is_tried_again_by_the_next_job(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    done: list[WorkerServices] = []

    def opens_later(settings: Settings) -> Engines:
        tried.append(1)
        if len(tried) < 3:
            raise OSError("not yet")
        return open_engines(settings)

    async def job(house: WorkerServices) -> None:
        done.append(house)

    monkeypatch.setattr(worker, "open_engines", opens_later)
    before = loops()
    for _ in range(2):
        with pytest.raises(OSError, match="not yet"):
            process.run(job)
    process.run(job)
    process.run(job)
    assert (len(tried), len(done)) == (3, 2)
    until(lambda: len(loops() - before) == 1)


def test_an_opening_that_takes_too_long_is_given_up_and_tried_again(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = Process._open
    tried: list[int] = []

    async def hangs_first(self: Process) -> WorkerServices:
        tried.append(1)
        if len(tried) == 1:
            await asyncio.Event().wait()
        return await opens(self)

    async def job(house: WorkerServices) -> None: ...

    monkeypatch.setattr(worker, "OPENING_SECONDS", 0.2)
    monkeypatch.setattr(Process, "_open", hangs_first)
    with pytest.raises(TimeoutError):
        process.run(job)
    monkeypatch.setattr(worker, "OPENING_SECONDS", 60.0)
    process.run(job)
    assert len(tried) == 2


async def test_a_sweep_that_is_another_s_turn_sends_what_is_due_to_webhooks() -> None:
    woken: list[str] = []

    async def not_now(subject: str, seconds: float) -> bool:
        return False

    wiring: Any = SimpleNamespace(
        dispatch=SimpleNamespace(wake=lambda: woken.append("webhooks")), upkeep=SimpleNamespace(take_turn=not_now)
    )
    nothing: Any = None
    house = WorkerServices(
        transcription=nothing, scoring=nothing, wiring=wiring, failed_audio_hours=1, sweep_seconds=5, audit_seconds=60
    )
    assert await house.sweep() == Counts()
    assert woken == ["webhooks"]
