"""The worker also works in forked children, and in those that are forked after the parent has opened its clients."""

import uuid
from pathlib import Path

import pytest

from app.config import Settings
from scripts.demo.interview import HERE
from tests.system.worker import bench, clips, worker

ANSWERS = 8


@pytest.mark.long
async def test_forked_children_transcribe_and_so_do_the_children_that_replace_them(
    mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        mongodb_url=mongodb_url,
        redis_url=redis_url,
        mongodb_database=f"test_{uuid.uuid4().hex}",
        speech_model="tiny.en",
        speech_words=False,
        keyring_dir=tmp_path / "keys",
    )
    sound = clips(HERE / "answer-1.webm", 2.5)[0]
    # Celery takes `--pool prefork` for its own default, and puts `worker_pool` in its place; `processes` is the same.
    forking = ("--queues", "celery", "--pool", "processes", "-c", "2", "--max-tasks-per-child", "2")
    async with bench(settings) as place:
        with worker(settings, tmp_path, *forking, LOG_FORMAT="console"):
            await place.workers(1)
            session = await place.session(ANSWERS)
            for number in range(ANSWERS):
                await place.upload(session, number, sound)
            assert await place.ended(session, 120) == ["completed"] * ANSWERS
            assert "concurrency: 2 (prefork)" in (tmp_path / "worker.log").read_text()
        parts = [part async for part in place.database["parts"].find({"session_id": session})]
    assert {part["deliveries"] for part in parts} == {1}
    assert all(part["transcript"]["text"] for part in parts)
