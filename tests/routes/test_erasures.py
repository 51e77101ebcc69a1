"""Asking for a session or for all of a user to be forgotten, over HTTP."""

import asyncio

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.main import build
from services.interviews.model import UserId
from tests.routes.api import WEBM, Api, client_of, make_session, problem, upload


def app_of(client: object) -> FastAPI:
    return client._transport.app  # type: ignore[attr-defined, no-any-return]


async def done_at(client: httpx2.AsyncClient, where: str) -> httpx2.Response:
    """The erasure, once it is done."""
    async with asyncio.timeout(20):
        while (now := await client.get(where)).json()["state"] != "done":
            await asyncio.sleep(0.01)
    return now


async def test_a_session_is_erased_and_everything_of_it_is_gone_for_its_owner_and_was_never_there_for_others() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        asked = await client.delete(f"/api/sessions/{session}")
        assert asked.status_code == 202, asked.text
        assert asked.headers["Location"] == f"/api/erasures/s-{session}"
        assert (asked.json()["state"], asked.json()["of"], asked.json()["asked_by"]) == ("running", "session", "owner")
        done = await done_at(client, asked.headers["Location"])
        assert (done.json()["state"], done.json()["found"]) == ("done", {"parts": 1, "files": 1, "chunks": 1})
        again = await client.delete(f"/api/sessions/{session}")
        assert (again.status_code, again.json()) == (200, done.json())
        calls = [
            ("GET", f"/api/sessions/{session}"),
            ("GET", f"/api/transcription-status/{session}"),
            ("GET", f"/api/transcription-status/{session}/q1"),
            ("POST", f"/api/analyze/{session}"),
            ("POST", f"/api/sessions/{session}/tickets"),
            ("GET", f"/api/sessions/{session}/events"),
        ]
        app = app_of(client)
        for user, expected in (("alice", (410, "session_erased")), ("bob", (404, "session_not_found"))):
            async with client_of(app, user) as asker:
                for method, path in calls:
                    assert problem(await asker.request(method, path)) == expected, path
                stream = await asker.get(f"/api/sessions/{session}/events", headers={"Accept": "text/event-stream"})
                assert problem(stream) == expected
                assert problem(await upload(asker, session)) == expected
        async with client_of(app, "bob") as bob:
            assert problem(await bob.delete(f"/api/sessions/{session}")) == (404, "session_not_found")
            assert problem(await bob.get(f"/api/erasures/s-{session}")) == (404, "erasure_not_found")
        async with client_of(app, "admin") as admin:
            assert problem(await admin.get(f"/api/sessions/{session}")) == (410, "session_erased")
            assert (await admin.get(f"/api/erasures/s-{session}")).json()["state"] == "done"
        assert (await client.get("/api/sessions")).json()["sessions"] == []


async def test_a_replay_of_what_was_erased_is_none() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        path, sent = f"/api/upload-answer/{session}/q1", {"audio": ("a.webm", WEBM)}
        kept = await client.post(path, files=sent, headers={"Idempotency-Key": "k"})
        assert kept.status_code == 202
        await done_at(client, (await client.delete(f"/api/sessions/{session}")).headers["Location"])
        assert problem(await client.post(path, files=sent, headers={"Idempotency-Key": "k"})) == (410, "session_erased")


async def test_a_legal_hold_is_a_conflict_with_its_own_code() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        api.house.memory.held.add(session)  # type: ignore[arg-type]
        assert problem(await client.delete(f"/api/sessions/{session}")) == (409, "session_held")
        assert (await client.get(f"/api/sessions/{session}")).status_code == 200


async def test_a_user_erases_himself_and_an_operator_anyone() -> None:
    api = Api()
    async with api.client() as client:
        for path in ("/api/users/me/data", "/api/users/alice/data"):
            session = await make_session(client)
            asked = await client.delete(path)
            assert (asked.status_code, asked.json()["of"]) == (202, "user")
            await done_at(client, asked.headers["Location"])
            assert problem(await client.get(f"/api/sessions/{session}")) == (410, "session_erased")
            api.house.memory.clock.advance(1)
        assert problem(await client.delete("/api/users/bob/data")) == (403, "forbidden")
        async with client_of(app_of(client), "admin") as admin:
            for other in ("nobody", "https%3A%2F%2Fidp.example%2Fu%2F1", "auth0%7C1"):
                assert (await admin.delete(f"/api/users/{other}/data")).status_code == 202
            owners = [entry.erasure.owner for entry in api.house.journal.rows.values()]  # type: ignore[attr-defined]
            assert any(owner.is_of(UserId("https://idp.example/u/1")) for owner in owners)


async def test_a_stream_ends_with_a_word_and_a_poll_with_the_problem() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        path = f"/api/sessions/{session}/events"
        stream = asyncio.create_task(client.get(path, headers={"Accept": "text/event-stream"}))
        polls = asyncio.create_task(client.get(path, params={"since": 0, "wait": 20}))
        while api.admission.listening.total() < 2:
            await asyncio.sleep(0.01)
        await client.delete(f"/api/sessions/{session}")
        assert problem(await polls) == (410, "session_erased")
        told = (await stream).text
        assert told.rstrip().split("\n\n")[-1].startswith("event: end\ndata: ")
        assert '"code":"session_erased"' in told


def test_a_socket_is_closed_with_the_code() -> None:
    api = Api()
    with TestClient(build(api.services), headers={"Authorization": "Bearer alice"}) as client:
        session = client.post("/api/sessions", json={"questions": [{"id": "q", "text": "?"}]}).json()["session_id"]
        with client.websocket_connect(f"/ws/sessions/{session}") as socket:
            assert socket.receive_json()["type"] == "snapshot"
            client.delete(f"/api/sessions/{session}")
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
        assert (closed.value.code, closed.value.reason) == (4410, "session_erased")


async def test_an_operator_holds_a_session_and_lifts_that_with_a_reason_in_the_log() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        where, why = f"/api/admin/sessions/{session}/hold", {"reason": "Evidence."}
        async with client_of(app_of(client), "admin") as admin:
            assert problem(await client.post(where, json=why)) == (403, "forbidden")
            assert problem(await admin.post(where, json={"reason": " "})) == (422, "invalid_request")
            assert problem(await admin.post("/api/admin/sessions/none/hold", json=why)) == (404, "session_not_found")
            for _ in range(2):
                assert (await admin.post(where, json=why)).json() == {"session_id": session, "is_held": True}
            assert problem(await client.delete(f"/api/sessions/{session}")) == (409, "session_held")
            lifted = await admin.post(f"{where}/lift", json={"reason": "Over."})
            assert lifted.json() == {"session_id": session, "is_held": False}
            assert problem(await admin.post(f"{where}/lift", json=why)) == (409, "not_held")
            entries = (await admin.get("/api/admin/audit")).json()["entries"]
            said = {(entry["action"], entry["reason"], entry["outcome"]) for entry in entries}
            assert {("hold", "Evidence.", "done"), ("lift", "Over.", "done"), ("lift", "Evidence.", "refused")} <= said
            await done_at(client, (await client.delete(f"/api/sessions/{session}")).headers["Location"])
            assert problem(await admin.post(where, json=why)) == (410, "session_erased")
