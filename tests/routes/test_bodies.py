"""How much of a body is read, and how a connection ends after a refusal."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from routes import bodies
from routes.bodies import DRAINED_BYTES, MOST_BYTES, MOST_DRAINED, ClosedAfterRefusal
from tests.routes.api import QUESTIONS, Api, make_session, problem
from tests.routes.test_uploads import never
from tests.virtual_time import hurried

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


async def test_of_a_body_nothing_is_read_before_its_sender_is_known_and_counted() -> None:
    api = Api()
    async with api.client() as client, api.client(None) as nobody, api.client("mallory") as mallory:
        for path in ("/api/sessions", "/api/webhooks", "/api/admin/sweep", "/api/admin/answers/s/q1/fail"):
            for stranger in (nobody, mallory):
                refused = await stranger.post(path, content=never(), headers=JSON)
                assert problem(refused) == (401, "unauthenticated")
            api.house.limits.left = {"requests": 0}
            assert problem(await client.post(path, content=never(), headers=JSON)) == (429, "rate_limited")
            api.house.limits.left = {}
    assert not api.admission.arriving


async def test_the_size_goes_before_the_token() -> None:
    async with Api().client(None) as nobody:
        declared = JSON | {"Content-Length": str(MOST_BYTES + 1)}
        answer = await nobody.post("/api/sessions", content=never(), headers=declared)
        assert problem(answer) == (413, "body_too_large")


async def drips(ends: asyncio.Event) -> AsyncIterator[bytes]:
    yield b'{"questions": '
    await ends.wait()
    yield b'[{"id": "q1", "text": "Index?"}]}'


@pytest.mark.parametrize("headers", [JSON, JSON | {"Idempotency-Key": "k"}])
@hurried
async def test_a_body_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]) -> None:
    monkeypatch.setattr(bodies, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(bodies, "DRAINED_SECONDS", 0.05)
    api = Api()
    async with api.client() as client:
        answer = await client.post("/api/sessions", content=drips(asyncio.Event()), headers=headers)
        assert problem(answer) == (408, "body_stalled")
        assert answer.headers["connection"] == "close"
        assert not api.admission.arriving
        assert (await client.post("/api/sessions", json=QUESTIONS)).status_code == 201


@pytest.mark.parametrize(
    ("most_of_user", "most", "expected"), [(1, 9, (429, "too_many_bodies")), (9, 1, (503, "bodies_saturated"))]
)
async def test_only_so_many_bodies_are_waited_for(most_of_user: int, most: int, expected: tuple[int, str]) -> None:
    api, ends = Api(), asyncio.Event()
    api.admission.most_bodies_of_user, api.admission.most_bodies = most_of_user, most
    async with api.client() as client:
        first = asyncio.create_task(client.post("/api/sessions", content=drips(ends), headers=JSON))
        while not api.admission.arriving:
            await asyncio.sleep(0)
        refused = await client.post("/api/sessions", content=never(), headers=JSON)
        assert problem(refused) == expected
        assert int(refused.headers["Retry-After"]) >= 1
        ends.set()
        assert (await first).status_code == 201
        assert not api.admission.arriving


async def test_only_so_many_are_listened_to_after_their_refusal() -> None:
    reading = asyncio.Event()

    async def receive() -> dict[str, Any]:
        reading.set()
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None: ...

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    guard = ClosedAfterRefusal(refuse)
    scope = {"type": "http", "headers": [(b"content-length", b"2")]}
    waiting = [asyncio.create_task(guard(scope, receive, send)) for _ in range(MOST_DRAINED)]
    while guard.listened_to < MOST_DRAINED:
        await asyncio.sleep(0)
    reading.clear()
    await guard(scope, receive, send)  # answered, and not listened to
    assert not reading.is_set()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert guard.listened_to == 0
