"""Keys and limits on a running stack: what is sent twice is done once, and what is too much is told when to come."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
import pytest

from tests.scripts.running import until
from tests.system import live
from tests.system.live import Stack, analyze, create, wait_for
from tests.system.speech import samples

pytestmark = pytest.mark.long

SAMPLE = samples()[0]
AUDIO = SAMPLE.audio.read_bytes()
UPLOADS = 25


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, mongodb_url: str) -> Iterator[Stack]:
    """A stack with few uploads a minute, on a MongoDB that takes failpoints."""
    budgets = {
        "RATE_UPLOADS": f"{UPLOADS}/minute",
        "RATE_REQUESTS": "",
        "RATE_ADDRESS": "",
        "MAX_UPLOADS_PER_USER": "30",
    }
    leases = {"LEASE_SECONDS": "4", "OPENAI_TIMEOUT_SECONDS": "3", "SWEEP_SECONDS": "1"}
    folder = tmp_path_factory.mktemp("limited")
    with live.stack(folder, MONGODB_URL=mongodb_url, **budgets, **leases) as running:
        yield running


def send(client: httpx2.Client, session: str, key: str | None = None, audio: bytes = AUDIO) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    where = f"/api/upload-answer/{session}/{SAMPLE.id}"
    return client.post(where, files={"audio": ("a.webm", audio)}, headers=headers)


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def assert_replays(first: httpx2.Response, again: httpx2.Response) -> None:
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    for name in ("Location", "Retry-After", "Content-Type"):
        assert again.headers.get(name) == first.headers.get(name)


def jobs(stack: Stack, session: str) -> list[dict[str, Any]]:
    """What was ever queued of a session."""
    return list(stack.database["parts"].find({"session_id": session, "state": {"$nin": ["aborted", "uploading"]}}))


def test_a_replay_is_the_first_answer_byte_for_byte(limited: Stack) -> None:
    with limited.client("ann") as client:
        body = {"questions": [SAMPLE.question]}
        first, again = [client.post("/api/sessions", json=body, headers={"Idempotency-Key": "s"}) for _ in range(2)]
        assert first.status_code == 201
        assert_replays(first, again)
        session = first.json()["session_id"]
        first = send(client, session, "u")
        assert first.status_code == 202
        assert_replays(first, send(client, session, "u"))
        wait_for(client, session, SAMPLE.id)
        assert_replays(first, send(client, session, "u"))
        assert code_of(send(client, session, "u", AUDIO + b"x")) == (422, "idempotency_mismatch")
        analyze(client, session)
        where, key = f"/api/analyze/{session}", {"Idempotency-Key": "a"}
        first, again = [client.post(where, headers=key) for _ in range(2)]
        assert first.json()["status"] == "success"
        assert_replays(first, again)
    assert len(jobs(limited, session)) == 1
    assert limited.database["fs.chunks"].count_documents({"files_id": jobs(limited, session)[0]["_id"]}) == 0


def test_a_key_in_flight_is_told_to_wait(limited: Stack) -> None:
    with limited.client("ben") as client:
        session = create(client, SAMPLE.question)
        with socket.create_connection(("127.0.0.1", limited.running.port)) as line:
            line.sendall(_half_an_upload(limited, "ben", session, "slow"))
            until(lambda: limited.database["parts"].count_documents({"session_id": session}) > 0)
            refused = send(client, session, "slow")
            assert code_of(refused) == (409, "idempotency_in_flight")
            assert int(refused.headers["Retry-After"]) >= 1
        until(lambda: limited.database["parts"].count_documents({"session_id": session, "state": "aborted"}) == 1)
        assert _insist(client, session, "slow").status_code == 202


def test_an_api_killed_between_accepting_and_answering_makes_one_job(limited: Stack) -> None:
    with limited.client("cid") as client:
        session = create(client, SAMPLE.question)
        with _shows_nothing(limited):
            sending = threading.Thread(target=lambda: _send_in_vain(limited, session))
            sending.start()
            until(lambda: len(jobs(limited, session)) == 1)
            os.kill(limited.running.layout.read_pids()["api"], signal.SIGKILL)
            sending.join(60)
        (job,) = jobs(limited, session)
        assert limited.database["replays"].count_documents({"made_id": job["_id"], "answer": None}) == 1
        first = _insist(client, session, "lost")
        assert first.status_code == 202
        assert (first.json()["file_id"], first.json()["sha256"]) == (job["_id"], job["sha256"])
        assert wait_for(client, session, SAMPLE.id)["status"] == "completed"
        assert_replays(first, send(client, session, "lost"))
    assert len(jobs(limited, session)) == 1
    until(lambda: limited.audio_left() == (0, 0))


def test_of_twenty_identical_uploads_at_once_one_is_a_job(limited: Stack) -> None:
    with limited.client("dan") as client:
        session = create(client, SAMPLE.question)
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _: send(client, session), range(20)))
        assert [answer.status_code for answer in answers] == [202] * 20
        assert wait_for(client, session, SAMPLE.id)["status"] == "completed"
    in_work = [answer.json() for answer in answers if answer.json()["deduplicated"]]
    queued = {part["_id"] for part in jobs(limited, session)}
    assert {answer.json()["file_id"] for answer in answers} == queued
    assert len(queued) + len(in_work) == 20
    assert len(queued) == 1
    until(lambda: limited.audio_left() == (0, 0))


def test_uploads_over_the_rate_are_told_when_to_come_again(limited: Stack) -> None:
    with limited.client("eve") as client:
        session = create(client, SAMPLE.question)
        refused = _refused_in_the_end(client, session)
        assert code_of(refused) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert client.get(f"/api/transcription-status/{session}").status_code == 200, "reading has its own budget"


def test_limits_go_on_while_the_broker_stands_still(limited: Stack) -> None:
    pid = limited.running.layout.read_pids()["valkey"]
    with limited.client("fay") as client:
        session = create(client, SAMPLE.question)
        os.kill(pid, signal.SIGSTOP)
        try:
            refused = _refused_in_the_end(client, session)
            assert code_of(refused) == (429, "rate_limited")
            assert int(refused.headers["Retry-After"]) >= 1
            assert client.get(f"/api/sessions/{session}").status_code == 200
        finally:
            os.kill(pid, signal.SIGCONT)


def _refused_in_the_end(client: httpx2.Client, session: str) -> httpx2.Response:
    """Send what is no audio until the rate is used up, which takes no more than the rate and what memory forgot."""
    answers = [send(client, session, audio=b"no audio" * 20)]
    while answers[-1].status_code == 415 and len(answers) < 3 * UPLOADS:
        answers.append(send(client, session, audio=b"no audio" * 20))
    assert len(answers) > UPLOADS
    return answers[-1]


def _insist(client: httpx2.Client, session: str, key: str, seconds: float = 90.0) -> httpx2.Response:
    """Send again as often as a client is told to."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            answer = send(client, session, key)
            if answer.status_code != 409:
                return answer
        time.sleep(1)
    raise TimeoutError


def _send_in_vain(stack: Stack, session: str) -> None:
    with suppress(httpx2.TransportError), stack.client("cid") as client:
        send(client, session, "lost")


@contextmanager
def _shows_nothing(stack: Stack) -> Iterator[None]:
    """No session's document is written meanwhile."""
    admin, namespace = stack.database.client.admin, f"{stack.database.name}.interview_sessions"
    blocks = {"failCommands": ["update"], "namespace": namespace, "blockConnection": True, "blockTimeMS": 5_000}
    admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": blocks})
    try:
        yield
    finally:
        admin.command({"configureFailPoint": "failCommand", "mode": "off"})


def _half_an_upload(stack: Stack, user: str, session: str, key: str) -> bytes:
    head = (
        f"POST /api/upload-answer/{session}/{SAMPLE.id} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {key}\r\n"
        f"Authorization: Bearer {stack.token(user)}\r\nContent-Length: 2000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n'
    )
    return head.encode() + AUDIO[:1000]
