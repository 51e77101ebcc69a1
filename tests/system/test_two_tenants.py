"""Every route of the running API, tried with the ids of another user's session."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests import audio
from tests.hostile.served import Served, serve

# Routes that know of no session: nothing of anyone's can be asked of them.
WITHOUT_SESSION = {
    "POST /api/sessions",
    "GET /api/sessions",
    "GET /api/receipts",
    "GET /api/erasures/{erasure_id}",
    "DELETE /api/users/{user_id}/data",
    "GET /.well-known/jwks.json",
    "GET /.well-known/deletion-receipts/{chain}",
    "POST /api/microphone-test",
    # The session is in the body: tests/routes/slices tries another user's.
    "POST /api/audio/upload-chunk",
    "POST /api/audio/session-complete",
    "POST /api/upload-audio-chunk",
    "POST /file/upload-chunk",
    "POST /file/finalize-chunked-upload",
    "POST /upload-local-chunked",
    # Of one upload, which is its owner's: tests/routes/resumable tries another user's.
    "POST /api/uploads",
    "GET /api/uploads",
    "GET /api/uploads/{upload_id}",
    "HEAD /api/uploads/{upload_id}",
    "PATCH /api/uploads/{upload_id}",
    "DELETE /api/uploads/{upload_id}",
    # Of one call, which is its owner's: tests/routes/test_call_transcripts.py tries another user's.
    "GET /api/calls/{call_id}/transcript",
    # Of one call, which is its owner's: tests/routes/test_calls.py tries another user's.
    "GET /api/calls/{call_id}",
    "POST /api/calls/{call_id}/end",
    "DELETE /api/calls/{call_id}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /problems/{code}",
    "POST /api/webhooks",
    "GET /api/webhooks",
}
ABSENT = "A" * 22
# These differ from one answer to the next, whoever asks.
PASSING = {"date", "x-request-id"}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    body: str | None

    def send(self, client: httpx2.Client, session: str, delivery: str = "") -> httpx2.Response:
        """Send it for a session, or for a webhook and a delivery of it."""
        path = self.path.format(session_id=session, question_id="q1", webhook_id=session, delivery_id=delivery)
        form = {"audio": ("a.webm", audio.encoded("webm", 0.5))}
        if self.body == "multipart/form-data":
            return client.request(self.method, path, files=form)
        if self.body == "application/json":
            return client.request(self.method, path, json={"question_id": "q1"})
        return client.request(self.method, path)


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url) as served:
        yield served


@pytest.fixture(scope="module")
def session(api: Served) -> str:
    """Alice's, with an answer."""
    with api.client("alice") as alice:
        made = alice.post("/api/sessions", json={"questions": [{"id": "q1", "text": "Index?"}]})
        session = str(made.json()["session_id"])
        sent = alice.post(f"/api/upload-answer/{session}/q1", files={"audio": ("a.wav", audio.wav(audio.silence(1.0)))})
        assert sent.status_code == 202
    return session


@pytest.fixture(scope="module")
def operations(api: Served) -> list[Operation]:
    with api.client(None) as client:
        paths: dict[str, dict[str, dict[str, Any]]] = client.get("/openapi.json").json()["paths"]
    found = []
    for path, methods in paths.items():
        for method, described in methods.items():
            if method == "options":
                continue  # what may be sent is told to everybody alike, and of whatever session
            bodies = list(described.get("requestBody", {}).get("content", {}))
            found.append(Operation(method.upper(), path, bodies[0] if bodies else None))
    return found


def of_sessions(operations: list[Operation]) -> list[Operation]:
    """Deleting comes last."""
    own = [o for o in operations if "{session_id}" in o.path and not is_of_operators(o)]
    return sorted(own, key=lambda o: o.method == "DELETE")


def is_of_operators(operation: Operation) -> bool:
    return operation.path.startswith("/api/admin/")


def of_webhooks(operations: list[Operation]) -> list[Operation]:
    """Deleting comes last."""
    return sorted((o for o in operations if "{webhook_id}" in o.path), key=lambda o: o.method == "DELETE")


def test_every_route_is_known_to_this_test(operations: list[Operation]) -> None:
    owned = [*of_sessions(operations), *of_webhooks(operations)]
    others = {f"{o.method} {o.path}" for o in operations} - {f"{o.method} {o.path}" for o in owned}
    assert {other for other in others if "/api/admin/" not in other} == WITHOUT_SESSION
    assert {o.body for o in of_sessions(operations)} <= {None, "multipart/form-data", "application/json"}
    assert len(of_sessions(operations)) >= 5


def test_another_users_session_is_like_none(api: Served, session: str, operations: list[Operation]) -> None:
    with api.client("bob") as bob:
        for operation in of_sessions(operations):
            foreign, absent = operation.send(bob, session), operation.send(bob, ABSENT)
            assert foreign.status_code == absent.status_code == 404, operation
            assert foreign.content == absent.content, operation
            assert _lasting(foreign) == _lasting(absent), operation
    assert api.database["parts"].count_documents({"user_id": "bob"}) == 0


def test_another_users_webhook_is_like_none(api: Served, operations: list[Operation]) -> None:
    with api.client("alice") as alice, api.client("bob") as bob, api.client(None) as nobody:
        made = alice.post("/api/webhooks", json={"url": "https://1.1.1.1/hooks"})
        assert made.status_code == 201, made.text
        webhook = str(made.json()["webhook_id"])
        delivery = str(alice.post(f"/api/webhooks/{webhook}/test").json()["delivery_id"])
        assert len(of_webhooks(operations)) >= 6
        for operation in of_webhooks(operations):
            foreign, absent = operation.send(bob, webhook, delivery), operation.send(bob, ABSENT, ABSENT)
            assert foreign.status_code == absent.status_code == 404, operation
            assert (foreign.content, _lasting(foreign)) == (absent.content, _lasting(absent)), operation
            assert operation.send(nobody, webhook, delivery).status_code == 401, operation
            assert operation.send(alice, webhook, delivery).is_success, operation
        assert bob.get("/api/webhooks").json() == {"webhooks": []}


def test_the_operators_routes_are_closed_to_users_whatever_they_ask_for(
    api: Served, session: str, operations: list[Operation]
) -> None:
    own = [operation for operation in operations if is_of_operators(operation)]
    assert len(own) >= 8
    with api.client("alice") as alice, api.client("bob") as bob, api.client(None) as nobody:
        for operation in own:
            for client, status in ((alice, 403), (bob, 403), (nobody, 401)):
                there, absent = operation.send(client, session), operation.send(client, ABSENT)
                assert (there.status_code, absent.status_code) == (status, status), operation
                assert (there.content, _lasting(there)) == (absent.content, _lasting(absent)), operation
    assert api.database["audit"].count_documents({}) == 0


def _lasting(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in PASSING}


def test_another_users_idempotency_key_gives_nothing_away(api: Served, session: str) -> None:
    key = {"Idempotency-Key": "the-same-key"}
    body = {"questions": [{"id": "q1", "text": "Whose?"}]}
    with api.client("alice") as alice, api.client("bob") as bob:
        made = [client.post("/api/sessions", json=body, headers=key) for client in (alice, bob)]
        assert [answer.json()["user_id"] for answer in made] == ["alice", "bob"]
        assert made[0].json()["session_id"] != made[1].json()["session_id"]
        etag = alice.get(f"/api/transcription-status/{session}").headers["ETag"]
        foreign = bob.get(f"/api/transcription-status/{session}", headers={"If-None-Match": etag})
        assert foreign.status_code == 404


def test_who_has_no_token_is_told_the_same_everywhere(api: Served, session: str, operations: list[Operation]) -> None:
    with api.client(None) as nobody:
        for operation in of_sessions(operations):
            there, absent = operation.send(nobody, session), operation.send(nobody, ABSENT)
            assert there.status_code == 401, operation
            assert there.content == absent.content


def test_an_admin_may_see_every_session(api: Served, session: str, operations: list[Operation]) -> None:
    with api.client("root", admin=True) as admin:
        for operation in of_sessions(operations):
            answer = operation.send(admin, session)
            assert answer.is_success, (operation, answer.text)
            assert operation.send(admin, ABSENT).status_code == 404


@pytest.mark.parametrize("user", ["alice\0", "ALICE", "alice ", "*", "$ne", "a.lice", "αlice"])
def test_a_name_like_anothers_is_another(api: Served, session: str, user: str) -> None:
    with api.client(user) as client:
        assert client.get(f"/api/sessions/{session}").status_code == 404
