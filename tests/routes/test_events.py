"""The events of a session over HTTP: by polling, by waiting, as a stream; by a token or by a ticket."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from services.interviews.model import SessionId
from tests.in_memory import ALICE, BOB
from tests.routes.api import Api, client_of, make_session, problem, upload
from tests.virtual_time import hurried

STREAM = {"Accept": "text/event-stream"}


def where(session: str) -> str:
    return f"/api/sessions/{session}/events"


def told(body: str) -> list[dict[str, Any]]:
    """What an event stream has told, with each block's name and number checked against its data."""
    found = []
    for block in body.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            data = json.loads(fields["data"])
            assert (fields["event"], fields["id"]) == (data["type"], str(data["id"]))
            found.append(data)
    return found


async def test_a_poll_without_a_cursor_gives_a_snapshot() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        body = (await client.get(where(session))).json()
        status = (await client.get(f"/api/transcription-status/{session}")).json()
        assert (body["cursor"], body["events"]) == (1, [])
        assert body["snapshot"] == {**status, "id": 1, "type": "snapshot"}


async def test_a_poll_with_a_cursor_gives_what_came_after_it() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        await api.house.work_off()
        await client.post(f"/api/analyze/{session}")
        body = (await client.get(where(session), params={"since": 0})).json()
        assert [event["id"] for event in body["events"]] == [1, 2, 3, 4, 5]
        types = [event["type"] for event in body["events"]]
        assert types[:4] == ["answer.queued", "answer.processing", "answer.completed", "answer.scored"]
        about = {"session_id": session, "question_id": "q1", "take": 1, "status": "queued"}
        assert about.items() <= body["events"][0].items()
        last = {"type": "session.analyzed", "question_id": None, "take": None, "status": None}
        assert last.items() <= body["events"][4].items()
        for since in range(6):
            found = (await client.get(where(session), params={"since": since})).json()
            assert (found["cursor"], found["snapshot"], found["events"]) == (5, None, body["events"][since:])
        ahead = (await client.get(where(session), params={"since": 6})).json()
        assert (ahead["cursor"], ahead["snapshot"]["id"], ahead["events"]) == (5, 5, [])


async def test_a_poll_that_finds_nothing_new_is_cheap() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        first = await client.get(where(session))
        same = await client.get(where(session), headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
        await upload(client, session)
        newer = await client.get(where(session), headers={"If-None-Match": first.headers["ETag"]})
        assert newer.status_code == 200 and newer.headers["ETag"] != first.headers["ETag"]


async def test_a_poll_that_waits_is_answered_when_something_happens() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        waiting = asyncio.create_task(client.get(where(session), params={"since": 0, "wait": 25}))
        while not api.admission.listening:
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await upload(client, session)
        body = (await waiting).json()
        assert [event["type"] for event in body["events"]] == ["answer.queued"]
        assert (body["cursor"], body["snapshot"]) == (1, None)
        assert not api.admission.listening


@hurried
async def test_a_poll_that_waits_in_vain_says_so() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        params = {"since": 0, "wait": 0.1}
        empty = await client.get(where(session), params=params)
        assert empty.json() == {"cursor": 0, "snapshot": None, "events": []}
        same = await client.get(where(session), params=params, headers={"If-None-Match": empty.headers["ETag"]})
        assert same.status_code == 304


@hurried
async def test_a_stream_begins_with_a_snapshot_and_ends_in_order() -> None:
    api = Api(age_seconds=3.0)
    async with api.client() as client:
        session = await make_session(client)
        listening = asyncio.create_task(client.get(where(session), headers=STREAM))
        while not api.admission.listening:
            await asyncio.sleep(0.01)
        await upload(client, session)
        answer = await listening
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.text.startswith("retry: ")
        found = told(answer.text)
        assert [(one["id"], one["type"]) for one in found] == [(0, "snapshot"), (1, "answer.queued")]
        assert not api.admission.listening


async def test_streams_are_counted_while_they_are_open() -> None:
    api = Api(age_seconds=600.0)
    async with api.client() as client:
        session = await make_session(client)
        listening = asyncio.create_task(client.get(where(session), headers=STREAM))
        while not api.admission.listening:
            await asyncio.sleep(0.01)
        assert 'viva_http_listeners{transport="sse"} 1.0' in await metrics(client)
        listening.cancel()
        await asyncio.wait({listening})
        while api.admission.listening:
            await asyncio.sleep(0.01)
        assert 'viva_http_listeners{transport="sse"} 0.0' in await metrics(client)


async def metrics(client: httpx2.AsyncClient) -> str:
    admin = client_of(client._transport.app, "admin")  # type: ignore[attr-defined]
    return (await admin.get("/metrics")).text


@pytest.mark.parametrize(
    ("headers", "params", "numbers"),
    [
        ({"Last-Event-ID": "1"}, {"last_event_id": 0}, [2, 3, 4]),
        ({}, {"last_event_id": 2}, [3, 4]),
        ({}, {"since": 3}, [4]),
        ({"Last-Event-ID": "99"}, {}, [4]),
        ({}, {}, [4]),
    ],
)
@hurried
async def test_a_stream_goes_on_after_the_cursor(
    headers: dict[str, str], params: dict[str, int], numbers: list[int]
) -> None:
    api = Api(age_seconds=0.2)
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        await api.house.work_off()
        answer = await client.get(where(session), headers={**STREAM, **headers}, params=params)
        assert [one["id"] for one in told(answer.text)] == numbers
        assert ("snapshot" in answer.text) == (numbers == [4] and params != {"since": 3})


@hurried
async def test_a_silent_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routes.events.KEEP_ALIVE_SECONDS", 0.05)
    async with Api(age_seconds=0.4).client() as client:
        answer = await client.get(where(await make_session(client)), headers=STREAM)
        assert answer.text.count(": still here\n\n") >= 2


@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_who_may_not_listen_is_told_before_a_stream_begins(headers: dict[str, str]) -> None:
    api = Api()
    async with api.client() as alice:
        session = await make_session(alice)
        app = alice._transport.app  # type: ignore[attr-defined]
        for user, expected in (("bob", (404, "session_not_found")), (None, (401, "unauthenticated"))):
            for params in ({}, {"wait": 5}):
                answer = await client_of(app, user).get(where(session), headers=headers, params=params)
                assert problem(answer) == expected
        assert problem(await alice.get(where("nowhere"), headers=headers)) == (404, "session_not_found")
        for wrong in ({"since": -1}, {"since": "x"}, {"since": 2**53}, {"last_event_id": 0.5}, {"wait": 26}):
            assert problem(await alice.get(where(session), headers=headers, params=wrong)) == (422, "invalid_request")
        bad = {**headers, "Last-Event-ID": "seven"}
        assert problem(await alice.get(where(session), headers=bad)) == (422, "invalid_request")
    assert not api.admission.listening and not api.streams._feeds


async def test_listeners_are_limited() -> None:
    for of_user, of_all, expected in ((1, 9, (429, "too_many_listeners")), (9, 1, (503, "listeners_saturated"))):
        api = Api(most_listeners_of_user=of_user, most_listeners=of_all)
        async with api.client() as client:
            session = await make_session(client)
            first = asyncio.create_task(client.get(where(session), headers=STREAM))
            while not api.admission.listening:
                await asyncio.sleep(0.01)
            refused = await client.get(where(session), headers=STREAM)
            assert problem(refused) == expected
            assert int(refused.headers["Retry-After"]) >= 1
            assert problem(await client.get(where(session), params={"since": 0, "wait": 1})) == expected
            assert (await client.get(where(session))).status_code == 200
            first.cancel()
            await asyncio.wait({first})
            assert (await client.get(where(session), params={"since": 0, "wait": 0.01})).status_code == 200


async def test_who_listens_when_the_api_stops_is_sent_away() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        listening = [asyncio.create_task(client.get(where(session), headers=STREAM)) for _ in range(5)]
        waiting = asyncio.create_task(client.get(where(session), params={"since": 0, "wait": 25}))
        while api.admission.listening.total() < 6:
            await asyncio.sleep(0.01)
        api.streams.leave()
        for task in listening:
            assert [one["type"] for one in told((await task).text)] == ["snapshot"]
        assert (await waiting).json()["events"] == []
        late = await client.get(where(session), headers=STREAM)
        assert problem(late) == (503, "listeners_saturated") and late.headers["Retry-After"]


@hurried
async def test_a_ticket_opens_the_events_of_its_session_and_nothing_else() -> None:
    api = Api(age_seconds=0.2)
    async with api.client() as client:
        session, other = await make_session(client), await make_session(client)
        answer = await client.post(f"/api/sessions/{session}/tickets")
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        assert answer.json()["expires_in"] == 60
        ticket = {"ticket": answer.json()["ticket"]}
        nobody = client_of(client._transport.app, None)  # type: ignore[attr-defined]
        for _ in range(2):
            assert told((await nobody.get(where(session), headers=STREAM, params=ticket)).text)[0]["id"] == 0
        assert (await nobody.get(where(session), params=ticket)).json()["cursor"] == 0
        refused = (
            where(other),
            f"/api/sessions/{session}",
            f"/api/transcription-status/{session}",
        )
        for path in refused:
            assert problem(await nobody.get(path, params=ticket)) == (401, "unauthenticated")
        again = await nobody.post(f"/api/sessions/{session}/tickets", params=ticket)
        assert problem(again) == (401, "unauthenticated")
        assert problem(await nobody.get(where(session), params={"ticket": "x"})) == (401, "unauthenticated")
        api.house.memory.clock.advance(60)
        assert problem(await nobody.get(where(session), params=ticket)) == (401, "unauthenticated")


async def test_a_ticket_gives_no_right_that_its_viewer_lacks() -> None:
    api = Api()
    async with api.client() as alice:
        session = await make_session(alice)
        app = alice._transport.app  # type: ignore[attr-defined]
        foreign = await client_of(app, "bob").post(f"/api/sessions/{session}/tickets")
        assert problem(foreign) == (404, "session_not_found")
        ticket = await api.tickets.store.issue(SessionId(session), BOB)
        used = await client_of(app, None).get(where(session), params={"ticket": ticket.secret})
        assert problem(used) == (404, "session_not_found")
        own = await api.tickets.store.issue(SessionId(session), ALICE)
        assert (await client_of(app, None).get(where(session), params={"ticket": own.secret})).status_code == 200


async def test_a_ticket_counts_against_its_viewers_rate() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        ticket = (await client.post(f"/api/sessions/{session}/tickets")).json()["ticket"]
        api.house.limits.hits.clear()
        nobody = client_of(client._transport.app, None)  # type: ignore[attr-defined]
        await nobody.get(where(session), params={"ticket": ticket})
        assert [budget for budget, _ in api.house.limits.hits] == ["address", "requests"]
        assert api.house.limits.hits[1][1] == "alice"


@pytest.mark.parametrize("given", [{"since": ""}, {"last_event_id": ""}, {"header": ""}])
async def test_an_empty_cursor_is_none(given: dict[str, str]) -> None:
    async with Api().client() as client:
        session = await make_session(client)
        headers = {"Last-Event-ID": given["header"]} if "header" in given else {}
        params = {name: value for name, value in given.items() if name != "header"}
        answer = await client.get(f"/api/sessions/{session}/events", params=params, headers=headers)
        assert answer.status_code == 200
        assert answer.json()["snapshot"]["type"] == "snapshot"
