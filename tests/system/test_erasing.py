"""Erasing in a stack of real processes, of which one dies as soon as the wish is answered."""

import os
import signal
from pathlib import Path

import httpx2
import pytest

from tests.scripts.running import until
from tests.system import live
from tests.system.live import Stack, create, upload
from tests.system.speech import samples

pytestmark = pytest.mark.long

SAMPLE = samples()[0]
QUICK = {"LEASE_SECONDS": "4", "OPENAI_TIMEOUT_SECONDS": "3", "SWEEP_SECONDS": "1", "UPLOAD_IDLE_SECONDS": "6"}
OF_SESSIONS = ("interview_sessions", "parts", "fs.files", "fs.chunks", "replays", "tickets", "webhook_deliveries")


def test_whichever_process_dies_nothing_of_the_session_stays(tmp_path: Path) -> None:
    with live.stack(tmp_path, **QUICK) as stack:
        for process in ("api", "worker", "upkeep", "valkey", "mongod"):
            _erased_while_it_dies(stack, process)


def _erased_while_it_dies(stack: Stack, process: str) -> None:
    questions: list[dict[str, object]] = [{"id": f"q{n}", "text": "?", "language": "en"} for n in range(4)]
    with stack.client() as client:
        session = create(client, *questions)
        for question in questions:
            upload(client, session, str(question["id"]), SAMPLE.audio.read_bytes())
        where = f"/api/transcription-status/{session}"
        until(lambda: client.get(where).json()["summary"]["completed"] > 0, 120)
        asked = client.delete(f"/api/sessions/{session}")
        assert asked.status_code in (200, 202), asked.text
        os.kill(stack.running.layout.read_pids()[process], signal.SIGKILL)
        until(lambda: _is_done(stack, session), 90)
        until(lambda: _status(stack, f"/api/sessions/{session}") == 410)
    left = {name: stack.database[name].count_documents({}) for name in OF_SESSIONS}
    assert left == dict.fromkeys(OF_SESSIONS, 0), process


def _is_done(stack: Stack, session: str) -> bool:
    return _status(stack, f"/api/erasures/s-{session}", done=True) == 200


def _status(stack: Stack, path: str, *, done: bool = False) -> int:
    """What is answered, 0 where nothing is, or where it is not the end yet."""
    try:
        with stack.client() as client:
            answer = client.get(path)
    except httpx2.TransportError:
        return 0
    return 0 if done and answer.json().get("state") != "done" else answer.status_code
