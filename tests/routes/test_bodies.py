"""How much of a body is read, and how a connection ends after a refusal."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from routes.bodies import DRAINED_BYTES, MOST_BYTES, ClosedAfterRefusal
from tests.routes.api import QUESTIONS, Api, make_session, problem

PIECE = b" " * 65_536
JSON = {"Content-Type": "application/json"}


async def endless(read: list[int]) -> AsyncIterator[bytes]:
    while True:
        read.append(len(PIECE))
        yield PIECE


async def test_json_over_the_cap_is_refused_before_it_is_read() -> None:
    read: list[int] = []
    async with Api().client() as client:
        declared = JSON | {"Content-Length": str(MOST_BYTES + 1)}
        answer = await client.post("/api/sessions", content=endless(read), headers=declared)
        assert problem(answer) == (413, "body_too_large")
        assert answer.headers["connection"] == "close"
        assert sum(read) <= DRAINED_BYTES + len(PIECE)


async def test_json_without_an_end_is_refused_at_the_cap() -> None:
    read: list[int] = []
    async with Api().client() as client:
        answer = await client.post("/api/sessions", content=endless(read), headers=JSON)
        assert problem(answer) == (413, "body_too_large")
        assert MOST_BYTES < sum(read) <= MOST_BYTES + DRAINED_BYTES + 2 * len(PIECE)


async def test_a_body_that_was_read_keeps_the_connection() -> None:
    async with Api().client() as client:
        for answer in (await client.post("/api/sessions", json=QUESTIONS), await client.get("/healthz")):
            assert answer.is_success
            assert "connection" not in answer.headers
        refused = await client.post("/api/sessions", json={})
        assert problem(refused) == (422, "invalid_request")
        assert "connection" not in refused.headers


async def test_who_waits_for_leave_is_not_listened_to() -> None:
    async with Api().client("bob") as bob, Api().client() as client:
        session = await make_session(client)
        headers = {"Content-Type": "multipart/form-data; boundary=b", "Expect": "100-continue"}
        read: list[int] = []
        answer = await bob.post(f"/api/upload-answer/{session}/q1", content=endless(read), headers=headers)
        assert problem(answer) == (404, "session_not_found")
        assert not read


@pytest.mark.parametrize("pieces", [[b"x"], [b"x", b"y"], []])
async def test_the_answer_is_whole_before_the_rest_is_read(pieces: list[bytes]) -> None:
    """Many clients read once they have sent all; the answer must be on its way by then."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        assert [m.get("body") for m in sent] == [None, b"no"]
        return {"type": "http.request", "body": pieces.pop() if pieces else b"", "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    scope = {"type": "http", "headers": [(b"content-length", b"2")]}
    await ClosedAfterRefusal(refuse)(scope, receive, send)
    assert [m.get("more_body") for m in sent] == [None, True, False]
    assert (b"connection", b"close") in sent[0]["headers"]
