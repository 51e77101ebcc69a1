"""Tests of microphones on real processes: two APIs and two workers give one answer, and none of it is left anywhere."""

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx2
import pytest
from pymongo import MongoClient
from redis import Redis

from app.config import Settings
from tests import servers
from tests.audio import RATE, spoken
from tests.hostile.served import Served, serve
from tests.openai_server import OpenAIServer
from tests.routes.api import problem
from tests.scripts.running import until
from tests.system.live import Stack
from tests.system.speech import samples, sound_of, word_error_rate
from tests.system.worker import launched

PATH = "/api/microphone-test"
SAID = "planted words that were said"
AT_ONCE = 12


def beginning(seconds: float) -> bytes:
    """The first seconds of a spoken answer, as a browser would send them."""
    return spoken("webm", sound_of(samples()[0].audio)[None, : int(seconds * RATE)], RATE)


def tried(client: httpx2.Client, sound: bytes, **params: str) -> httpx2.Response:
    return client.post(PATH, content=sound, headers={"Content-Type": "audio/webm"}, params=params)


@dataclass
class Place:
    """Two APIs and two workers on one database, and a broker that keeps what it can."""

    apis: list[Served]
    workers: list[Popen[bytes]]
    engine: OpenAIServer
    database: Any
    redis: Redis
    folder: Path

    def rows(self) -> dict[str, int]:
        """How many documents there are in each collection that grows with what users do."""
        living = ("workers",)
        names = set(self.database.list_collection_names()) - {*living}
        return {name: count for name in names if (count := self.database[name].count_documents({}))}

    def kept(self) -> bytes:
        """Everything that any process has written, the broker's own files anew."""
        self.redis.save()
        return b"".join(file.read_bytes() for file in self.folder.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def place(mongodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, name = tmp_path_factory.mktemp("microphone"), f"test_{secrets.token_hex(6)}"
    for inner in ("valkey", "api", "w1", "w2"):
        (folder / inner).mkdir()
    with ExitStack() as stack:
        engine = stack.enter_context(OpenAIServer())
        engine.text = SAID
        own = {"OPENAI_API_KEY": "sk-loopback", "OPENAI_BASE_URL": engine.url, "LOG_LEVEL": "debug"}
        keeps = ("--appendonly", "yes", "--rdbcompression", "no", "--slowlog-log-slower-than", "0")
        url = stack.enter_context(servers.valkey(folder / "valkey", *keeps, "--slowlog-max-len", "100000"))
        mongo = stack.enter_context(MongoClient[dict[str, Any]](mongodb_url))
        settings = Settings(mongodb_url=mongodb_url, redis_url=url, mongodb_database=name, keyring_dir=folder / "keys")
        about = {"MONGODB_DATABASE": name, "KEYRING_DIR": str(folder / "keys"), "RATE_MICROPHONE_TESTS": ""}
        apis = [stack.enter_context(serve(folder / "api", mongodb_url, url, **about)) for _ in range(2)]
        workers = [
            stack.enter_context(launched(settings, folder / inner, "--hostname", f"{inner}@%h", **own))
            for inner in ("w1", "w2")
        ]
        until(lambda: mongo[name]["workers"].count_documents({}) == 2)
        stack.callback(mongo.drop_database, name)
        yield Place(apis, workers, engine, mongo[name], stack.enter_context(Redis.from_url(url)), folder)


@pytest.mark.long
def test_two_apis_and_two_workers_give_one_answer_and_keep_nothing(place: Place) -> None:
    sound = beginning(3.0)
    before = place.rows()
    with ThreadPoolExecutor(AT_ONCE) as threads, ExitStack() as stack:
        clients = [stack.enter_context(place.apis[n % 2].client(f"user-{n}")) for n in range(AT_ONCE)]
        answers = list(threads.map(lambda client: tried(client, sound, language="en"), clients))
    told = [answer.json() for answer in answers]
    assert [(one["text"], one["heard"]) for one in told] == [(SAID, True)] * AT_ONCE
    assert all(2.9 < one["seconds"] < 3.2 for one in told)
    assert len(place.engine.received) == AT_ONCE
    nothing_is_left(place, sound, before)


def nothing_is_left(place: Place, sound: bytes, before: dict[str, int]) -> None:
    assert place.rows() == before
    kept, slow = place.kept(), b"".join(entry["command"] for entry in place.redis.slowlog_get(100_000))
    assert b"microphone tested" in kept
    assert b"PUBLISH viva_voce.microphone_tests" in slow
    for what in (SAID.encode(), SAID.split()[0].encode(), sound[200:232], sound[-32:]):
        assert what not in kept
        assert what not in slow
    for key in place.redis.scan_iter(match="*microphone_tests*:*"):
        if not key.startswith(b"RATES"):
            assert (place.redis.strlen(key), place.redis.ttl(key) > 0) == (0, True)


def test_where_nobody_speaks_that_is_said(place: Place) -> None:
    asked = len(place.engine.received)
    with place.apis[0].client() as client:
        body = tried(client, spoken("webm", sound_of(samples()[0].audio)[None, :RATE] * 0, RATE)).json()
        assert (body["text"], body["heard"]) == ("", False)
        assert problem(tried(client, b"\x1a\x45\xdf\xa3" + b"\x9f" * 500)) == (422, "audio_unreadable")
        assert problem(tried(client, beginning(12.0))) == (422, "audio_too_long")
    assert len(place.engine.received) == asked


def test_a_worker_that_is_killed_in_the_middle_is_not_waited_for(place: Place) -> None:
    """And the other one goes on; last, because it takes the workers away."""
    sound, before, reading, go_on = beginning(2.0), place.rows(), threading.Event(), threading.Event()

    def hold(_: object) -> None:
        reading.set()
        go_on.wait(60)

    place.engine.on_request = hold
    with ThreadPoolExecutor(1) as threads, place.apis[1].client() as client:
        asked = threads.submit(tried, client, sound)
        assert reading.wait(60)
        for worker in place.workers:
            os.killpg(worker.pid, signal.SIGKILL)
        refused = asked.result()
        go_on.set()
        assert problem(refused) == (503, "nobody_listens")
        assert int(refused.headers["Retry-After"]) > 0
        assert problem(tried(client, sound)) == (503, "nobody_listens")
    nothing_is_left(place, sound, before)


def test_the_local_engine_hears_what_was_said(stack: Stack) -> None:
    with stack.client() as client:
        before = stack.database.list_collection_names()
        answer = tried(client, beginning(9.0), language="en")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["heard"], stack.audio_left()) == (True, (0, 0))
        said = " ".join(samples()[0].said.split()[: len(answer.json()["text"].split())])
        assert word_error_rate(said, answer.json()["text"]) < 0.3
        assert stack.database.list_collection_names() == before
