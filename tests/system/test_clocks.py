"""Processes whose clocks are apart: what is interrupted is driven on, and nothing is thrown away for its time."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from app.config import Settings
from scripts.demo.interview import HERE
from scripts.stack.layout import ROOT
from tests.system.worker import bench, clips, launched

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
ANSWERS = 3

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not LIBRARIES, reason="needs libfaketime: apt-get install libfaketime"),
]


def at(seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is so far ahead; its timers go as ever."""
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@contextmanager
def beat(settings: Settings, folder: Path) -> Iterator[None]:
    own = {"MONGODB_URL": settings.mongodb_url, "REDIS_URL": settings.redis_url, "SWEEP_SECONDS": "1"}
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "celery_app",
        "beat",
        "-s",
        folder / "schedule",
        "--pidfile=",
    ]
    with (folder / "beat.log").open("wb") as log:
        process = subprocess.Popen(
            ["env", *(f"{name}={value}" for name, value in own.items()), *command],
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.parametrize("seconds", [7, 60, -60])
async def test_an_upkeep_worker_with_another_clock_drives_on_what_was_interrupted(
    seconds: int, mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        mongodb_url=mongodb_url,
        redis_url=redis_url,
        mongodb_database=f"test_{uuid.uuid4().hex}",
        speech_model="tiny.en",
        speech_words=False,
        keyring_dir=tmp_path / "keys",
        lease_seconds=5.0,
        openai_timeout_seconds=4.0,
    )
    sound = clips(HERE / "answer-1.webm", 2.5)[0]
    timing = {"SWEEP_SECONDS": "1", "LEASE_SECONDS": "5", "OPENAI_TIMEOUT_SECONDS": "4"}
    upkeep, working = tmp_path / "upkeep", tmp_path / "worker"
    for folder in (upkeep, working):
        folder.mkdir()
    async with bench(settings) as place:
        session = await place.session(ANSWERS)
        for number in range(ANSWERS):
            await place.upload(session, number, sound)
        with Redis.from_url(redis_url) as broker:
            broker.flushall()  # no ring is left, so that only the sweep can bring them back
        with (
            beat(settings, tmp_path),
            launched(settings, upkeep, "--queues", "upkeep", "--pool", "solo", **timing, **at(seconds)),
            launched(settings, working, "--queues", "celery", **timing, **at(-seconds)),
        ):
            assert await place.ended(session, 120) == ["completed"] * ANSWERS
        sweep = await place.database["counters"].find_one({"_id": "sweep"})
    assert sweep is not None and sweep["runs"] >= 1
