"""Hundreds of answers do not make a worker grow, and no child of it is left over."""

import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
import pytest

from app.config import Settings
from scripts.demo.interview import HERE
from tests.system.worker import Bench, bench, clips, worker

pytestmark = pytest.mark.soak

ROUND = 30
ROUNDS = 10
MOST_GROWTH = 1.10


def settings_for(mongodb_url: str, redis_url: str, keys: Path) -> Settings:
    return Settings(
        mongodb_url=mongodb_url,
        redis_url=redis_url,
        mongodb_database=f"test_{uuid.uuid4().hex}",
        speech_model="tiny.en",
        speech_words=False,
        keyring_dir=keys,
    )


def used(process: psutil.Process) -> int:
    """Bytes that the process and all below it have for themselves."""
    return sum(each.memory_full_info().uss for each in [process, *process.children(recursive=True)])


async def a_round(bench: Bench, sounds: Iterator[bytes]) -> None:
    session = await bench.session(ROUND)
    for number in range(ROUND):
        await bench.upload(session, number, next(sounds))
    assert await bench.ended(session) == ["completed"] * ROUND


async def test_three_hundred_answers_leave_a_worker_as_large_as_thirty(
    mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_for(mongodb_url, redis_url, tmp_path / "keys")
    sounds = itertools.cycle(clips(HERE / "answer-1.webm", 2.5) + clips(HERE / "answer-2.webm", 2.0))
    async with bench(settings) as place:
        with worker(settings, tmp_path, "--queues", "celery") as started:
            await place.workers(1)
            process, sizes = psutil.Process(started.pid), []
            for _ in range(ROUNDS):
                await a_round(place, sounds)
                sizes.append(used(process))
            below = [each.children() for each in process.children()]
            print("MiB:", [round(size / 2**20, 1) for size in sizes])
    assert median(sizes[-3:]) <= sizes[0] * MOST_GROWTH, f"grew: {[size >> 20 for size in sizes]} MiB"
    assert below == [[]], "the decoder's template alone is left, without children"
