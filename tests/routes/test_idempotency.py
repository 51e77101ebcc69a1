"""A request that is sent again with its Idempotency-Key is answered as it was, and done once."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from services.errors import StoreUnavailable
from services.interviews.model import PartState, Session
from tests.routes.api import QUESTIONS, WEBM, Api, make_session, problem, upload
from tests.routes.test_uploads import HEAD, file, form

KEY = {"Idempotency-Key": "take-1"}


async def send(client: httpx2.AsyncClient, session: str, data: bytes = WEBM, question: str = "q1") -> httpx2.Response:
    where = f"/api/upload-answer/{session}/{question}"
    return await client.post(where, files={"audio": ("a.webm", data)}, headers=KEY)


def is_replay_of(again: httpx2.Response, first: httpx2.Response) -> bool:
    kept = ("location", "retry-after", "content-type")
    same = [again.headers.get(name) == first.headers.get(name) for name in kept]
    was_told = again.headers.get("Idempotency-Replayed") == "true" and "Idempotency-Replayed" not in first.headers
    return all(same) and was_told and (again.status_code, again.content) == (first.status_code, first.content)


async def test_a_session_is_made_once() -> None:
    api = Api()
    async with api.client() as client:
        first, again = [await client.post("/api/sessions", json=QUESTIONS, headers=KEY) for _ in range(2)]
        assert (first.status_code, len(api.house.memory.sessions)) == (201, 1)
        assert is_replay_of(again, first)
        other = await client.post("/api/sessions", json=QUESTIONS | {"title": "x"}, headers=KEY)
        assert problem(other) == (422, "idempotency_mismatch")
        assert len(api.house.memory.sessions) == 1


async def test_what_is_large_or_secret_is_made_again_and_not_kept() -> None:
    api = Api()
    async with api.client() as client:
        made = await client.post("/api/sessions", json=QUESTIONS, headers=KEY)
        session = made.json()["session_id"]
        await upload(client, session)
        await api.house.work_off()
        again = await client.post("/api/sessions", json=QUESTIONS, headers=KEY)
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert (again.json(), again.headers["Location"]) == (made.json(), made.headers["Location"])
        webhook = {"url": "https://hooks.example.com/"}
        first, second = [
            await client.post("/api/webhooks", json=webhook, headers={"Idempotency-Key": "w"}) for _ in range(2)
        ]
        assert first.json() == second.json()
        rotation = f"/api/webhooks/{first.json()['webhook_id']}/secret"
        rotated = [await client.post(rotation, headers={"Idempotency-Key": "r"}) for _ in range(2)]
        assert rotated[0].json()["secret"] == rotated[1].json()["secret"] != first.json()["secret"]
        scored = [await client.post(f"/api/analyze/{session}", headers={"Idempotency-Key": "a"}) for _ in range(2)]
        assert scored[0].json() == scored[1].json()
        assert [answer.headers.get("Idempotency-Replayed") for answer in scored] == [None, "true"]
    kept = [row.answer for row in api.house.memory.idempotency_keys.values()]
    assert [answer and answer.body for answer in kept] == [b""] * 4


async def test_a_refusal_that_the_body_caused_is_replayed() -> None:
    async with Api().client() as client:
        first, again = [await client.post("/api/sessions", json={"questions": []}, headers=KEY) for _ in range(2)]
        assert problem(first) == (422, "invalid_request")
        assert is_replay_of(again, first)


async def test_an_upload_is_replayed_also_when_its_transcript_is_there() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        first = await send(client, session)
        assert first.status_code == 202
        await api.house.work_off()
        again = await send(client, session)
        assert is_replay_of(again, first)
        assert len(api.house.memory.rows) == 1
        assert not api.house.memory.chunks, "nothing of the second body is stored"
        assert problem(await send(client, session, WEBM + b"x")) == (422, "idempotency_mismatch")
        assert problem(await send(client, session, question="q2")) == (422, "idempotency_mismatch")
        assert len(api.house.memory.rows) == 1


async def test_keys_of_two_users_do_not_meet() -> None:
    api = Api()
    async with api.client() as alice, api.client("bob") as bob:
        first = await alice.post("/api/sessions", json=QUESTIONS, headers=KEY)
        second = await bob.post("/api/sessions", json=QUESTIONS, headers=KEY)
        assert (first.status_code, second.status_code) == (201, 201)
        assert second.json()["user_id"] == "bob"
        assert "Idempotency-Replayed" not in second.headers


async def test_while_the_first_is_in_flight_the_second_is_told_to_wait() -> None:
    api, more = Api(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield form(file(WEBM), end=b"")
        await more.wait()
        yield b"--b--\r\n"

    async with api.client() as client:
        session = await make_session(client)
        where = f"/api/upload-answer/{session}/q1"
        first = asyncio.create_task(client.post(where, content=slow(), headers=HEAD | KEY))
        while not api.house.memory.takes:
            await asyncio.sleep(0)
        refused = await send(client, session)
        assert problem(refused) == (409, "idempotency_in_flight")
        assert int(refused.headers["Retry-After"]) >= 1
        more.set()
        done = await first
        assert done.status_code == 202
        assert is_replay_of(await send(client, session), done)


async def test_a_pending_analysis_is_not_kept_and_its_result_is() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        where = f"/api/analyze/{session}"
        assert [(await client.post(where, headers=KEY)).status_code for _ in range(2)] == [202, 202]
        await api.house.work_off()
        first, again = [await client.post(where, headers=KEY) for _ in range(2)]
        assert first.status_code == 200
        assert is_replay_of(again, first)


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\u00e9"])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    async with Api().client() as client:
        headers = {b"Idempotency-Key": key.encode("latin-1")}
        answer = await client.post("/api/sessions", json=QUESTIONS, headers=headers)
        assert problem(answer) == (400, "idempotency_key_invalid")


async def test_what_passes_is_not_kept() -> None:
    api = Api()
    whole = api.house.uploads.queue

    async def down(*_: object) -> None:
        raise StoreUnavailable

    async with api.client() as client:
        session = await make_session(client)
        assert problem(await send(client, "nowhere")) == (404, "session_not_found")
        api.house.limits.left = {"uploads": 0}
        headers = {"Idempotency-Key": "take-2"}
        where = f"/api/upload-answer/{session}/q1"
        files = {"audio": ("a.webm", WEBM)}
        assert problem(await client.post(where, files=files, headers=headers)) == (429, "rate_limited")
        api.house.limits.left = {}
        api.house.uploads.queue = down  # type: ignore[method-assign,assignment]
        assert problem(await client.post(where, files=files, headers=headers)) == (503, "store_unavailable")
        api.house.uploads.queue = whole  # type: ignore[method-assign]
        done = await client.post(where, files=files, headers=headers)
        assert done.status_code == 202
        assert "Idempotency-Replayed" not in done.headers
        assert is_replay_of(await client.post(where, files=files, headers=headers), done)


async def test_an_answer_that_the_house_is_to_blame_for_is_not_kept() -> None:
    api = Api()
    creates = api.house.sessions.create

    async def down(*_: object) -> None:
        raise StoreUnavailable

    async with api.client() as client:
        api.house.sessions.create = down  # type: ignore[method-assign,assignment]
        first = await client.post("/api/sessions", json=QUESTIONS, headers=KEY)
        assert problem(first) == (503, "store_unavailable")
        api.house.sessions.create = creates  # type: ignore[method-assign]
        again = await client.post("/api/sessions", json=QUESTIONS, headers=KEY)
        assert again.status_code == 201
        assert "Idempotency-Replayed" not in again.headers


async def test_a_session_that_was_made_before_the_answer_was_lost_is_made_once() -> None:
    api = Api()
    creates = api.house.sessions.create

    async def unconfirmed(session: Session) -> Session:
        await creates(session)
        raise StoreUnavailable

    async with api.client() as client:
        api.house.sessions.create = unconfirmed  # type: ignore[method-assign]
        assert (await client.post("/api/sessions", json=QUESTIONS, headers=KEY)).status_code == 503
        api.house.sessions.create = creates  # type: ignore[method-assign]
        assert (await client.post("/api/sessions", json=QUESTIONS, headers=KEY)).status_code == 201
        assert len(api.house.memory.sessions) == 1


async def test_a_refused_recording_is_judged_anew() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        first, again = await send(client, session, b"text " * 50), await send(client, session, b"text " * 50)
        assert problem(first) == problem(again) == (415, "not_audio")
        assert first.content == again.content
        assert (await send(client, session)).status_code == 202


async def test_what_was_accepted_before_the_answer_was_lost_is_answered_and_made_once() -> None:
    api = Api()
    shows = api.house.sessions.show

    async def down(*_: object) -> bool:
        raise StoreUnavailable

    async with api.client() as client:
        session = await make_session(client)
        api.house.sessions.show = down  # type: ignore[method-assign,assignment]
        assert problem(await send(client, session)) == (503, "store_unavailable")
        api.house.sessions.show = shows  # type: ignore[method-assign]
        assert problem(await send(client, session, WEBM + b"x")) == (422, "idempotency_mismatch")
        done = await send(client, session)
        assert done.status_code == 202
        (row,) = api.house.memory.rows.values()
        assert (done.json()["file_id"], row.part.state) == (row.part.id, PartState.QUEUED)
        assert (await client.get(done.headers["Location"])).json()["status"] == "queued"
        assert is_replay_of(await send(client, session), done)


async def test_a_holder_that_died_while_bytes_arrived_is_replaced_and_can_accept_nothing_more() -> None:
    api, more = Api(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield form(file(WEBM), end=b"")
        await more.wait()
        yield b"--b--\r\n"

    async with api.client() as client:
        session = await make_session(client)
        where = f"/api/upload-answer/{session}/q1"
        first = asyncio.create_task(client.post(where, content=slow(), headers=HEAD | KEY))
        while not api.house.memory.takes:
            await asyncio.sleep(0)
        api.house.memory.clock.advance(60)
        done = await send(client, session)
        assert done.status_code == 202
        more.set()
        assert problem(await first) in ((408, "upload_stalled"), (503, "store_unavailable"))
        states = sorted(row.part.state for row in api.house.memory.rows.values())
        assert states == [PartState.ABORTED, PartState.QUEUED]
        assert is_replay_of(await send(client, session), done)


async def test_the_same_recording_twice_without_a_key_is_one_job() -> None:
    api = Api(most_uploads_of_user=20)
    async with api.client() as client:
        session = await make_session(client)
        answers = await asyncio.gather(*[upload(client, session) for _ in range(20)])
        assert [answer.status_code for answer in answers] == [202] * 20
        assert len({answer.json()["file_id"] for answer in answers}) == 1
        assert sorted(answer.json()["deduplicated"] for answer in answers) == [False, *[True] * 19]
        assert len(api.house.memory.files) == 1
        await api.house.work_off()
        assert api.house.ears.heard == 1
        states = [row.part.state for row in api.house.memory.rows.values()]
        assert sorted(set(states)) == [PartState.ABORTED, PartState.COMPLETED]
        assert states.count(PartState.COMPLETED) == 1
