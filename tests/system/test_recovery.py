"""What breaks is mended: a worker, the broker, the process that took an upload."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx2
import pytest
from bson import ObjectId

from scripts.stack.layout import ROOT
from tests.scripts.running import until
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples, word_error_rate

SAMPLE = samples()[0]


def test_a_killed_worker_loses_no_answer(stack: Stack) -> None:
    with stack.client() as client:
        while not (session := killed_in_work(stack, client)):
            pass
        answer = wait_for(client, session, SAMPLE.id)
    assert word_error_rate(SAMPLE.said, answer["transcript"]) < 0.15
    part = stack.database["parts"].find_one({"session_id": session})
    assert part is not None
    assert part["deliveries"] == 2


def killed_in_work(stack: Stack, client: httpx2.Client) -> str | None:
    """The session whose answer the worker had in its hands as it was killed; None where it was too quick for that."""
    session, worker = create(client, SAMPLE.question), stack.running.layout.read_pids()["worker"]
    upload(client, session, SAMPLE.id, SAMPLE.audio.read_bytes())
    where = f"/api/transcription-status/{session}/{SAMPLE.id}"
    until(lambda: client.get(where).json()["status"] != "queued")
    os.kill(worker, signal.SIGSTOP)
    part = stack.database["parts"].find_one({"session_id": session})
    if part is None or part["state"] != "processing":
        os.kill(worker, signal.SIGCONT)
        return None
    os.kill(worker, signal.SIGKILL)
    return session


@pytest.mark.long
def test_an_answer_is_taken_while_the_broker_stands_still(stack: Stack) -> None:
    pid = stack.running.layout.read_pids()["valkey"]
    with stack.client() as client:
        session = create(client, SAMPLE.question)
        os.kill(pid, signal.SIGSTOP)
        try:
            upload(client, session, SAMPLE.id, SAMPLE.audio.read_bytes())
            assert client.get("/readyz").json()["status"] == "degraded"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert wait_for(client, session, SAMPLE.id)["status"] == "completed"


@pytest.mark.long
def test_a_killed_broker_loses_no_answer(stack: Stack) -> None:
    with stack.client() as client:
        session = create(client, SAMPLE.question)
        os.kill(stack.running.layout.read_pids()["valkey"], signal.SIGKILL)
        upload(client, session, SAMPLE.id, SAMPLE.audio.read_bytes())
        assert wait_for(client, session, SAMPLE.id)["status"] == "completed"


@pytest.mark.long
def test_an_upload_whose_api_process_was_killed_leaves_nothing_after_the_sweep(stack: Stack) -> None:
    with stack.client() as client:
        session = create(client, SAMPLE.question)
    with socket.create_connection(("127.0.0.1", stack.running.port)) as line:
        line.sendall(_half_an_upload(stack, session))
        until(lambda: stack.database["fs.chunks"].count_documents({}) > 0)
        os.kill(stack.running.layout.read_pids()["api"], signal.SIGKILL)
    part = stack.database["parts"].find_one({"session_id": session, "state": "uploading"})
    assert part is not None
    _age(stack, part["_id"])
    until(lambda: stack.audio_left() == (0, 0))
    until(lambda: _is_up(stack))


def _questions(count: int) -> list[dict[str, object]]:
    return [{"id": f"q{n}", "text": "?", "language": "en"} for n in range(count)]


def _half_an_upload(stack: Stack, session: str) -> bytes:
    head = (
        f"POST /api/upload-answer/{session}/{SAMPLE.id} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {stack.token('alice')}\r\nContent-Length: 2000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n'
    )
    return head.encode() + b"\x1a\x45\xdf\xa3" + bytes(1_000_000)


def _age(stack: Stack, id: str) -> None:
    """As if the upload had been silent for an hour."""
    past = stack.database.command("hello")["localTime"].timestamp() - 3600
    stack.database["parts"].update_one({"_id": id}, {"$set": {"heartbeat_at": datetime.fromtimestamp(past, UTC)}})


def _is_up(stack: Stack) -> bool:
    try:
        with stack.client() as client:
            return bool(client.get("/readyz").json()["ready"])
    except Exception:
        return False


def test_cleanup_says_what_it_would_do_and_does_it(stack: Stack) -> None:
    stray = ObjectId()
    stack.database["fs.chunks"].insert_one({"files_id": stray, "n": 0, "data": b"x"})
    stack.database["fs.files"].insert_one({"_id": ObjectId(), "length": 0, "filename": "stray"})
    os.kill(stack.running.layout.read_pids()["upkeep"], signal.SIGSTOP)
    try:
        found = _cleanup(stack, "--dry-run")
        assert "would be done" in found
        assert stack.audio_left() == (1, 1)
        assert "audio files without a record deleted" in _cleanup(stack)
        assert stack.audio_left() == (0, 0)
    finally:
        os.kill(stack.running.layout.read_pids()["upkeep"], signal.SIGCONT)


def _cleanup(stack: Stack, *arguments: str) -> str:
    command = [sys.executable, "-m", "scripts.cleanup", *arguments]
    environment = [f"{key}={value}" for key, value in stack.environment.items()]
    done = subprocess.run(["env", *environment, *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_stopping_a_worker_gives_its_work_back(stack: Stack) -> None:
    with stack.client() as client:
        session = create(client, *_questions(4))
        for n in range(4):
            upload(client, session, f"q{n}", SAMPLE.audio.read_bytes())
        time.sleep(0.5)
        os.kill(stack.running.layout.read_pids()["worker"], signal.SIGTERM)
        answers = [wait_for(client, session, f"q{n}") for n in range(4)]
    assert [answer["status"] for answer in answers] == ["completed"] * 4
    parts = stack.database["parts"].find({"session_id": session})
    assert all(part["deliveries"] == 1 for part in parts), "a delivery that was given back does not count"
