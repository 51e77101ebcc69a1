"""After a run in which every command counts as slow, and much is refused, no log holds what was said or is secret."""

from pathlib import Path

import httpx2
import pytest

from tests.openai_server import OpenAIServer, fails, says
from tests.receiver import Receiver, receiving
from tests.system import live
from tests.system.live import Stack
from tests.system.speech import samples

pytestmark = pytest.mark.long

AUDIO = samples()[0].audio
WORDS = ("question", "answer", "point", "title", "transcript", "user", "key", "file", "described", "refused", "told")


def planted(word: str) -> str:
    return f"planted-{word}"


def create(client: httpx2.Client, **more: str) -> httpx2.Response:
    question = {
        "id": "q1",
        "text": planted("question"),
        "reference_answer": planted("answer"),
        "key_points": [planted("point")],
        "language": "en",
    }
    body = {"title": planted("title"), "questions": [question, {**question, "id": "q2"}], **more}
    return client.post("/api/sessions", json=body, headers={"Idempotency-Key": planted("key")})


def listen(client: httpx2.Client, url: str) -> str:
    wanted = {"url": url, "events": ["answer.completed", "answer.failed"], "description": planted("described")}
    answer = client.post("/api/webhooks", json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


def go_wrong(client: httpx2.Client, session: str) -> None:
    """What is refused, and may be told of in a log with what it was."""
    assert create(client, title="another").status_code == 422
    assert client.post("/api/sessions", json={"questions": planted("refused")}).status_code == 422
    assert client.post("/api/sessions", content=planted("refused")).status_code >= 400
    assert client.get("/api/sessions/x", headers={"Authorization": f"Bearer {planted('refused')}"}).status_code == 401
    assert client.get(f"/api/sessions/{session}?{planted('refused')}").status_code == 200
    assert client.get(f"/{planted('refused')}").status_code == 404


def play(stack: Stack, server: OpenAIServer, receiver: Receiver) -> list[str]:
    """An interview, with a webhook and a ticket; the secrets that came up."""
    stack.database.client.admin.command("profile", 0, slowms=-1)
    with stack.client(planted("user")) as client:
        secret = listen(client, receiver.url)
        session = str(create(client).json()["session_id"])
        assert create(client).json()["session_id"] == session
        go_wrong(client, session)
        server.script(fails(400, message=planted("told")), says(planted("transcript")))
        for question in ("q1", "q2"):
            audio = {"audio": (planted("file"), AUDIO.read_bytes())}
            assert client.post(f"/api/upload-answer/{session}/{question}", files=audio).status_code == 202
            live.wait_for(client, session, question)
        live.analyze(client, session)
        ticket = str(client.post(f"/api/sessions/{session}/tickets").json()["ticket"])
        client.get(f"/api/sessions/{session}/events?ticket={ticket}&wait=0")
    environment = stack.environment
    return [secret, ticket, environment["JWT_SECRET"], "sk-loopback-planted", stack.token(planted("user"))]


def test_no_log_holds_what_was_said_or_is_secret(tmp_path: Path) -> None:
    with OpenAIServer() as server, receiving() as receiver:
        environment = {
            "OPENAI_API_KEY": "sk-loopback-planted",
            "OPENAI_BASE_URL": server.url,
            "WEBHOOKS_ALLOW_PRIVATE": "true",
            "LOG_LEVEL": "debug",
        }
        with live.stack(tmp_path, **environment) as stack:
            secrets = play(stack, server, receiver)
            logs = stack.running.layout.logs
    said = {file.name: file.read_text(errors="replace") for file in logs.iterdir()}
    assert {"api.log", "mongod.log", "upkeep.log", "valkey.log", "worker.log"} <= said.keys()
    held = {(name, word) for name, text in said.items() for word in (*map(planted, WORDS), *secrets) if word in text}
    assert held == set()
    for file in (*logs.iterdir(), stack.running.layout.env):
        assert file.stat().st_mode & 0o077 == 0, file
