"""A running stack as its users see it, and its database as nobody but a test does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pymongo import MongoClient
from pymongo.database import Database

from scripts.stack import ports
from services.adapters.jwt_tokens import mint
from tests.scripts.running import Running

ENDED = ("completed", "failed")


@dataclass
class Stack:
    running: Running
    database: Database[dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.port}"

    @property
    def environment(self) -> dict[str, str]:
        return self.running.layout.read_env()

    def token(self, user: str, *, admin: bool = False) -> str:
        return mint(self.environment["JWT_SECRET"], user, admin=admin, seconds=3600)

    def client(self, user: str = "alice", *, admin: bool = False) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(user, admin=admin)}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60.0, trust_env=False, verify=False)

    def audio_left(self) -> tuple[int, int]:
        """How many files and chunks there are."""
        return self.database["fs.files"].count_documents({}), self.database["fs.chunks"].count_documents({})


def create(client: httpx2.Client, *questions: dict[str, object]) -> str:
    answer = client.post("/api/sessions", json={"questions": list(questions)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


def upload(client: httpx2.Client, session: str, question: str, audio: bytes, name: str = "a.webm") -> dict[str, Any]:
    answer = client.post(f"/api/upload-answer/{session}/{question}", files={"audio": (name, audio)})
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def wait_for(client: httpx2.Client, session: str, question: str, seconds: float = 180.0) -> dict[str, Any]:
    """The answer once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        body: dict[str, Any] = client.get(f"/api/transcription-status/{session}/{question}").json()
        if body.get("status") in ENDED:
            return body
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {body} after {seconds} s")
        time.sleep(0.1)


def analyze(client: httpx2.Client, session: str, seconds: float = 240.0) -> dict[str, Any]:
    """The scores, asked for as a frontend does: again after as long as it is told."""
    deadline = time.monotonic() + seconds
    while True:
        answer = client.post(f"/api/analyze/{session}")
        if answer.status_code == 200:
            body: dict[str, Any] = answer.json()
            return body
        assert answer.status_code == 202, answer.text
        if time.monotonic() > deadline:
            raise TimeoutError(answer.text)
        time.sleep(int(answer.headers["Retry-After"]))


@contextmanager
def stack(folder: Path, **environment: str) -> Iterator[Stack]:
    """A stack of its own; it must stop in order."""
    running = Running.start(folder, ports.choose(), *(f"{name}={value}" for name, value in environment.items()))
    try:
        running.wait_ready()
        with MongoClient[dict[str, Any]](running.layout.read_env()["MONGODB_URL"], tz_aware=True) as client:
            yield Stack(running, client["viva_voce"])
        assert running.stop() == 0
    finally:
        running.kill_all()
