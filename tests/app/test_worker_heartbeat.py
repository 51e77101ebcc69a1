"""A worker that can give no sign of life ends itself; each case is a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.config import Settings
from scripts.stack.layout import ROOT
from tests.scripts.running import until
from tests.stalling_proxy import line_to
from tests.system.live import create, stack, upload, wait_for
from tests.system.speech import samples, word_error_rate
from tests.system.worker import bench, launched

SAMPLE = samples()[0]
SIGNS = """
import asyncio, sys, time
from app.worker_heartbeat import Signs
from services.errors import StoreUnavailable

async def give():
    if sys.argv[1] == "refused" and given:
        raise StoreUnavailable
    if sys.argv[1] == "unanswered" and given:
        await asyncio.sleep(3600)
    given.append(1)

async def main():
    signs = Signs(give, 1.0)
    await signs.begin()
    print("begun", flush=True)
    if sys.argv[1] == "stuck":
        time.sleep(3600)
    await asyncio.sleep(3)
    signs.end()

given = []
asyncio.run(main())
print("over")
"""


@pytest.mark.parametrize("trouble", ["refused", "unanswered", "stuck"])
def test_who_can_give_no_sign_is_told_to_end(trouble: str) -> None:
    done = subprocess.run([sys.executable, "-c", SIGNS, trouble], cwd=ROOT, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGTERM


def test_who_does_not_end_when_told_is_ended() -> None:
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SIGNS}"
    done = subprocess.run([sys.executable, "-c", deaf, "stuck"], cwd=ROOT, capture_output=True, timeout=300)
    assert done.returncode == 1


def test_who_gives_signs_lives_and_so_does_who_was_stopped_for_a_while() -> None:
    command = [sys.executable, "-c", SIGNS, "well"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(process.pid, signal.SIGCONT)
        assert process.communicate(timeout=300)[0] == "over\n"


@pytest.mark.long
async def test_a_worker_whose_database_falls_silent_ends_itself(
    mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    with line_to(urlsplit(mongodb_url).port or 0) as line:
        settings = Settings(
            mongodb_url=f"mongodb://127.0.0.1:{line.port}/?directConnection=true",
            redis_url=redis_url,
            mongodb_database=f"test_{uuid.uuid4().hex}",
            speech_model="tiny.en",
            encrypt_recordings=False,
        )
        async with bench(settings.model_copy(update={"mongodb_url": mongodb_url})) as place:
            with launched(settings, tmp_path, "--queues", "celery", WORKER_SILENT_SECONDS="2") as process:
                await place.workers(1)
                line.silence()
                assert await asyncio.to_thread(process.wait, 120) == 1, "who gives up has failed, whatever restarts it"
            assert "no sign of life for long; the worker ends" in (tmp_path / "worker.log").read_text()


@pytest.mark.long
def test_such_a_worker_is_started_anew_and_works(tmp_path: Path) -> None:
    with stack(tmp_path, WORKER_SILENT_SECONDS="4", SPEECH_MODEL="tiny.en") as running, running.client() as client:
        pids = running.running.layout.read_pids
        before, mongod = pids()["worker"], pids()["mongod"]
        os.kill(mongod, signal.SIGSTOP)
        try:
            until(lambda: pids()["worker"] != before, 60)
        finally:
            os.kill(mongod, signal.SIGCONT)
        session = create(client, SAMPLE.question)
        upload(client, session, SAMPLE.id, SAMPLE.audio.read_bytes())
        answer = wait_for(client, session, SAMPLE.id)
    assert word_error_rate(SAMPLE.said, answer["transcript"]) < 0.15
