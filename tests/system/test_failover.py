"""The primary steps down, dies, stands still or is cut off while answers come in: none is lost, none is done twice."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from tests.openai_server import OpenAIServer
from tests.replica_set_of_three import ELECTION_MS, ReplicaSet, replica_set_of_three
from tests.scripts.running import until
from tests.system import live
from tests.system.live import Stack
from tests.system.speech import samples

pytestmark = pytest.mark.soak

SAMPLE = samples()[0]
SAID = "An index finds rows without scanning the whole table."
UPLOADERS = 4
QUESTIONS = 4
END_SECONDS = 240.0
STOPPED_SECONDS = 4 * ELECTION_MS / 1000
UNQUIET = {"$or": [{"state": {"$in": ["uploading", "queued", "processing"]}}, {"settled": False}]}


@dataclass
class Load:
    """Uploads, one after another in each of several threads, until it is told to stop."""

    stack: Stack
    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    refused: list[httpx2.Response] = field(default_factory=list)
    others: list[httpx2.Response] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        audio = SAMPLE.audio.read_bytes()
        with self.stack.client() as client:
            while not self.enough.is_set():
                session = self._session(client)
                for number in range(QUESTIONS):
                    self._upload(client, session, f"q{number}", audio)
                    time.sleep(0.2)

    def _session(self, client: httpx2.Client) -> str:
        questions = [{"id": f"q{n}", "text": "?", "language": "en"} for n in range(QUESTIONS)]
        while True:
            answer = client.post("/api/sessions", json={"questions": questions})
            if answer.status_code == 201:
                return str(answer.json()["session_id"])
            self._sort_out(answer)

    def _upload(self, client: httpx2.Client, session: str, question: str, audio: bytes) -> None:
        answer = client.post(f"/api/upload-answer/{session}/{question}", files={"audio": ("a.webm", audio)})
        if answer.status_code == 202:
            self.accepted.append((session, question, answer.json()["file_id"]))
        else:
            self._sort_out(answer)

    def _sort_out(self, answer: httpx2.Response) -> None:
        (self.refused if answer.status_code == 503 else self.others).append(answer)
        time.sleep(0.5)


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with replica_set_of_three(tmp_path_factory.mktemp("replicas")) as running:
        yield running


@pytest.fixture(scope="module")
def replicated(replicas: ReplicaSet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with OpenAIServer() as server:
        server.text = SAID
        environment = {
            "MONGODB_URL": replicas.url,
            "OPENAI_API_KEY": "sk-loopback",
            "OPENAI_BASE_URL": server.url,
            "OPENAI_TIMEOUT_SECONDS": "9",
            "LEASE_SECONDS": "10",
            "SWEEP_SECONDS": "1",
            "UPLOAD_IDLE_SECONDS": "5",
        }
        with live.stack(tmp_path_factory.mktemp("replicated"), **environment) as running:
            yield running


def _step_down(replicas: ReplicaSet) -> None:
    replicas.step_down()


def _kill(replicas: ReplicaSet) -> None:
    replicas.start(replicas.kill_primary())


def _stop(replicas: ReplicaSet) -> None:
    """For longer than an election takes; what it then still believes to be its own is rolled back."""
    with replicas.primary_stopped() as old:
        until(lambda: replicas.primary() != old, 60)
        time.sleep(STOPPED_SECONDS)


def _cut_off(replicas: ReplicaSet) -> None:
    """The primary cannot confirm anything, and gives up being it."""
    with replicas.primary_alone():
        time.sleep(STOPPED_SECONDS)


@pytest.mark.parametrize("strike", [_step_down, _kill, _stop, _cut_off], ids=["step-down", "kill", "stop", "cut-off"])
def test_nothing_is_lost_when_the_primary_goes(
    strike: Callable[[ReplicaSet], None], replicas: ReplicaSet, replicated: Stack
) -> None:
    with _under_load(replicated) as load:
        for _ in range(2):
            _goes_on(load)
            strike(replicas)
            struck = time.monotonic()
            _goes_on(load)
            print(f"answers were taken again {time.monotonic() - struck:.1f} s after the blow")
    _check(load, replicated)


def test_what_cannot_be_confirmed_is_refused_and_leaves_nothing(replicas: ReplicaSet, replicated: Stack) -> None:
    with _under_load(replicated) as load:
        _goes_on(load)
        lost = replicas.kill_majority()
        until(lambda: len(load.refused) >= UPLOADERS, 120)
        for port in lost:
            replicas.start(port)
        _goes_on(load)
    _check(load, replicated)


@contextmanager
def _under_load(stack: Stack) -> Iterator[Load]:
    load = Load(stack)
    with ThreadPoolExecutor(UPLOADERS) as threads:
        running = [threads.submit(load.run) for _ in range(UPLOADERS)]
        try:
            yield load
        finally:
            load.enough.set()
        for done in running:
            done.result()


def _goes_on(load: Load) -> None:
    """Each uploader has got two more answers in."""
    enough = len(load.accepted) + 2 * UPLOADERS
    until(lambda: len(load.accepted) > enough, 120)


def _check(load: Load, stack: Stack) -> None:
    parts = stack.database["parts"]
    assert [(r.status_code, r.text) for r in load.others] == []
    for refusal in load.refused:
        assert int(refusal.headers["Retry-After"]) >= 1
        assert refusal.json()["code"] == "store_unavailable"
    until(lambda: parts.count_documents(UNQUIET) == 0, END_SECONDS)
    until(lambda: stack.audio_left() == (0, 0), END_SECONDS)
    for session, question, id in load.accepted:
        document = stack.database["interview_sessions"].find_one({"_id": session})
        assert document is not None, "an accepted answer's session was lost"
        answer = document["answers"][question]
        assert (answer["transcription_status"], answer["transcript"]) == ("completed", SAID)
        assert answer["id"] == id
        assert parts.count_documents({"session_id": session, "question_id": question, "state": "completed"}) == 1
    print(f"{len(load.accepted)} accepted, {len(load.refused)} refused, none lost")
