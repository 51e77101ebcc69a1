"""Two API processes behind one port: keys, rates and events are those of both, whichever takes a connection."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx2
import pytest

from scripts.stack.layout import ROOT
from tests.hostile.served import Served, serve
from tests.system.test_push import LIFE, WEBM, Client, all_begun, lives, make_session, worker

AT_ONCE = 24
LISTENERS = 30
RATE = 40
FILES = ("test_push.py", "test_idempotency.py", "test_operations.py")


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    own = {"API_PROCESSES": "2", "RATE_UPLOADS": f"{RATE}/hour", "MAX_LISTENERS_PER_USER": "1000"}
    with serve(tmp_path_factory.mktemp("two"), mongodb_url, redis_url, **own) as served:
        yield served


def sent(api: Served, session: str, user: str, **headers: str) -> httpx2.Response:
    """On a connection of its own."""
    with api.client(user) as client:
        where = f"/api/upload-answer/{session}/q0"
        return client.post(where, files={"audio": ("a.webm", WEBM)}, headers=headers)


@pytest.mark.long
def test_one_key_makes_one_take_whoever_of_them_is_asked(api: Served) -> None:
    session = make_session(api)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: sent(api, session, "alice", **{"Idempotency-Key": "k"}), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert {answer.json()["file_id"] for answer in answers if answer.status_code == 202} == {
        part["_id"] for part in api.database["parts"].find({"session_id": session})
    }
    assert api.database["parts"].count_documents({"session_id": session}) == 1
    again = sent(api, session, "alice", **{"Idempotency-Key": "k"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")


@pytest.mark.long
def test_a_rate_is_that_of_both(api: Served) -> None:
    """Unless what counts for both is silent for a quarter of a second: then each counts for a moment on its own."""
    for user in ("bob", "bella", "boris", "beatrice"):
        with api.client(user) as client:
            asked = {"questions": [{"id": "q0", "text": "?"}]}
            session = str(client.post("/api/sessions", json=asked).json()["session_id"])
        with ThreadPoolExecutor(4) as threads:
            answers = Counter(threads.map(partial(_status_of, api, session), [user] * (RATE + 20)))
        if answers == {202: RATE, 429: 20}:
            break
    assert answers == {202: RATE, 429: 20}


def _status_of(api: Served, session: str, user: str) -> int:
    return sent(api, session, user).status_code


@pytest.mark.long
async def test_every_listener_of_both_is_told(api: Served) -> None:
    session, newest = make_session(api), len(LIFE) + 1
    clients = [Client(api, session) for _ in range(LISTENERS)]
    kinds = ("sse", "websocket", "poll")
    async with worker(api) as wiring:
        listening = [
            asyncio.create_task(client.listen(kinds[number % 3], newest + 1)) for number, client in enumerate(clients)
        ]
        await all_begun(clients)
        await lives(wiring, session, "q0", 1, lambda: 0.0)
        await asyncio.gather(*listening)
    assert {tuple(client.numbers) for client in clients} == {tuple(range(1, newest + 1))}


@pytest.mark.long
@pytest.mark.parametrize("file", [f"tests/system/{name}" for name in FILES] + ["tests/browser/test_interview.py"])
def test_what_holds_for_one_holds_for_two(file: str) -> None:
    assert (ROOT / Path(file)).exists()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not soak"]
    command += ["--api-processes", "2", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-5000:]
