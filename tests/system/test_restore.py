"""A backup that is taken while work goes on, restored into a fresh database, and what the sweep makes of it.

`mongodump --oplog` gives the state of one moment; so does a session that reads a snapshot, with which the copy is made.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any

import pytest
from pymongo.read_concern import ReadConcern

from scripts.stack.layout import ROOT
from tests.scripts.running import until
from tests.system import live
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import Sample, samples, word_error_rate

pytestmark = pytest.mark.long

ANSWERS = 12
QUICK = {"LEASE_SECONDS": "4", "OPENAI_TIMEOUT_SECONDS": "3", "SWEEP_SECONDS": "1", "UPLOAD_IDLE_SECONDS": "15"}
IN_WORK = {"uploading", "queued", "processing", "completed"}

Backup = dict[str, list[dict[str, Any]]]


def test_what_was_in_flight_goes_on_where_a_backup_is_restored(tmp_path: Path) -> None:
    with live.stack(tmp_path / "before", **QUICK) as stack:
        session, asked = _interview(stack)
        until(lambda: "completed" in _states(stack), 120)
        with _half_an_upload(stack):
            backup = _backup_of_work(stack)
        later = _interview_that_the_backup_misses(stack)
        stack.database.client.drop_database("restored")
        for name, documents in backup.items():
            if documents:
                stack.database.client["restored"][name].insert_many(documents)
        with _house_on(stack, "restored", tmp_path / "after") as restored:
            _all_end_well(restored, session, asked)
            with restored.client() as client:
                assert client.get(f"/api/sessions/{later}").status_code == 404
                assert client.post(f"/api/analyze/{session}").json()["status"] == "success"
            _nothing_is_left_over(restored)


def test_what_was_in_flight_goes_on_where_the_databases_files_were_copied(tmp_path: Path) -> None:
    data = Path("state") / "data" / "mongod"
    with live.stack(tmp_path / "before", **QUICK) as stack:
        session, asked = _interview(stack)
        until(lambda: "completed" in _states(stack), 120)
        with _half_an_upload(stack), _locked(stack):
            for folder in (data, Path("state") / "keys"):
                shutil.copytree(tmp_path / "before" / folder, tmp_path / "after" / folder)
            assert {"uploading", "completed"} < _states(stack), "some of the rest wait or are in work"
        later, secret = _interview_that_the_backup_misses(stack), stack.environment["JWT_SECRET"]
    with live.stack(tmp_path / "after", **QUICK, JWT_SECRET=secret) as restored:
        _all_end_well(restored, session, asked)
        with restored.client() as client:
            assert client.get(f"/api/sessions/{later}").status_code == 404
        _nothing_is_left_over(restored)


def _states(stack: Stack) -> set[str]:
    return {part["state"] for part in stack.database["parts"].find()}


@contextmanager
def _locked(stack: Stack) -> Iterator[None]:
    """The database's files stand still."""
    admin = stack.database.client.admin
    admin.command("fsync", lock=True)
    try:
        yield
    finally:
        admin.command("fsyncUnlock")


def _interview(stack: Stack) -> tuple[str, dict[str, Sample]]:
    asked = {f"q{number}": samples()[number % len(samples())] for number in range(ANSWERS)}
    with stack.client() as client:
        session = create(client, *({**sample.question, "id": id} for id, sample in asked.items()))
        for id, sample in asked.items():
            upload(client, session, id, sample.audio.read_bytes())
    return session, asked


def _interview_that_the_backup_misses(stack: Stack) -> str:
    with stack.client() as client:
        return create(client, samples()[0].question)


@contextmanager
def _half_an_upload(stack: Stack) -> Iterator[None]:
    """A recording that is on its way, of a session of its own."""
    with stack.client() as client:
        session = create(client, samples()[0].question)
    head = (
        f"POST /api/upload-answer/{session}/{samples()[0].id} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {stack.token('alice')}\r\nContent-Length: 2000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n'
    )
    with create_connection(("127.0.0.1", stack.running.port)) as line:
        line.sendall(head.encode() + b"\x1a\x45\xdf\xa3" + bytes(600_000))
        # Of what only the primary has, a server that starts on its copied files may forget the last writes.
        parts = stack.database.get_collection("parts", read_concern=ReadConcern("majority"))
        until(lambda: parts.find_one({"state": "uploading"}) is not None)
        yield


def _backup_of_work(stack: Stack) -> Backup:
    """A copy of everything at a moment at which answers are in all states."""
    deadline = time.monotonic() + 60
    while True:
        until(lambda: _states(stack) >= IN_WORK, 60)
        with _standing_still(stack.running.layout.read_pids()["worker"]):
            backup = _backup(stack)
        states = Counter(part["state"] for part in backup["parts"])
        if set(states) >= IN_WORK:
            return backup
        assert time.monotonic() < deadline, states


@contextmanager
def _standing_still(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _backup(stack: Stack) -> Backup:
    names = stack.database.list_collection_names()
    with stack.database.client.start_session(snapshot=True) as moment:
        return {name: list(stack.database[name].find({}, session=moment)) for name in names}


@contextmanager
def _house_on(stack: Stack, database: str, folder: Path) -> Iterator[Stack]:
    """Other processes, with a Valkey that has never heard of anything."""
    known = {name: stack.environment[name] for name in ("MONGODB_URL", "JWT_SECRET")}
    keys = folder / "state" / "keys" / database
    shutil.copytree(stack.environment["KEYRING_DIR"], keys)
    with live.stack(folder, **QUICK, **known, MONGODB_DATABASE=database) as other:
        yield Stack(other.running, other.database.client[database])


def _all_end_well(stack: Stack, session: str, asked: dict[str, Sample]) -> None:
    with stack.client() as client:
        for id, sample in asked.items():
            answer = wait_for(client, session, id, 180)
            assert answer["status"] == "completed", answer
            assert word_error_rate(sample.said, answer["transcript"]) < 0.15


def _nothing_is_left_over(stack: Stack) -> None:
    until(lambda: stack.audio_left() == (0, 0), 60)
    until(lambda: stack.database["parts"].count_documents({"settled": False}) == 0)
    states = Counter(part["state"] for part in stack.database["parts"].find())
    assert states == {"completed": ANSWERS, "aborted": 1}
    environment = [f"{key}={value}" for key, value in stack.environment.items()]
    command = ["env", *environment, sys.executable, "-m", "scripts.cleanup", "--dry-run"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300).stdout
    counts = [line.split("│")[2].strip() for line in told.splitlines() if line.startswith("│")]
    assert counts
    assert set(counts) == {"0"}, told
