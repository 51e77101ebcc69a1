"""What is over a limit is told when to come again, before its body is read."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.requests import HTTPConnection

from routes.dependencies import address_of
from tests.routes.api import QUESTIONS, Api, make_session, problem, upload
from tests.routes.test_uploads import HEAD, file, form, never


async def test_requests_over_the_rate_are_told_when_to_come_again() -> None:
    for budget in ("address", "requests"):
        api = Api()
        async with api.client() as client:
            session = await make_session(client)
            api.house.limits.left = {budget: 1}
            where = f"/api/transcription-status/{session}"
            assert (await client.get(where)).status_code == 200
            refused = await client.get(where)
            assert problem(refused) == (429, "rate_limited")
            assert refused.headers["Retry-After"] == "7"


async def test_uploads_have_a_rate_of_their_own() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        api.house.limits.left = {"uploads": 0}
        where = f"/api/upload-answer/{session}/q1"
        refused = await client.post(where, content=never(), headers=HEAD)
        assert problem(refused) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "7"
        assert (await client.get(f"/api/sessions/{session}")).status_code == 200
        assert not api.admission.in_flight


async def test_a_wrong_token_counts_against_its_address() -> None:
    api = Api()
    async with api.client("mallory") as client:
        assert problem(await client.post("/api/sessions", json=QUESTIONS)) == (401, "unauthenticated")
    assert [budget for budget, _ in api.house.limits.hits] == ["address"]


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unix:", "unix:"),
        (None, ""),
    ],
)
def test_of_ipv6_the_network_is_counted_in_which_a_client_takes_any_address(host: str | None, counted: str) -> None:
    client = None if host is None else (host, 50_000)
    assert address_of(HTTPConnection({"type": "http", "client": client})) == counted


async def test_health_is_not_limited() -> None:
    api = Api()
    api.house.limits.left = {"address": 0, "requests": 0}
    async with api.client(None) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
    assert not api.house.limits.hits


async def test_a_request_with_a_key_is_counted_once() -> None:
    api = Api()
    async with api.client() as client:
        await client.post("/api/sessions", json=QUESTIONS, headers={"Idempotency-Key": "k"})
    assert [budget for budget, _ in api.house.limits.hits] == ["address", "requests"]


async def test_uploads_in_flight_are_limited_before_the_body_is_read() -> None:
    for of_user, of_all, expected in ((1, 9, (429, "too_many_uploads")), (9, 1, (503, "uploads_saturated"))):
        api, more = Api(upload_idle_seconds=60, most_uploads_of_user=of_user, most_uploads=of_all), asyncio.Event()

        async def slow(more: asyncio.Event = more) -> AsyncIterator[bytes]:
            yield form(file(b"\x1a\x45\xdf\xa3" + bytes(500)), end=b"")
            await more.wait()
            yield b"--b--\r\n"

        async with api.client() as client:
            session = await make_session(client)
            where = f"/api/upload-answer/{session}/q1"
            first = asyncio.create_task(client.post(where, content=slow(), headers=HEAD))
            while not api.admission.in_flight:
                await asyncio.sleep(0)
            refused = await client.post(where, content=never(), headers=HEAD)
            assert problem(refused) == expected
            assert int(refused.headers["Retry-After"]) >= 1
            more.set()
            assert (await first).status_code == 202
            assert (await upload(client, session)).status_code == 202
            assert not api.admission.in_flight


async def test_who_has_too_much_queued_waits() -> None:
    api = Api(most_queued_seconds=0.01)
    async with api.client() as client:
        session = await make_session(client)
        assert (await upload(client, session)).status_code == 202
        refused = await client.post(f"/api/upload-answer/{session}/q1", content=never(), headers=HEAD)
        assert problem(refused) == (429, "too_much_queued")
        assert refused.headers["Retry-After"] == str(await api.house.eta.of_all())
        await api.house.work_off()
        api.seconds += 1
        assert (await upload(client, session)).status_code == 202


async def test_a_cancelled_upload_gives_its_place_back() -> None:
    api = Api()

    async def stalls() -> AsyncIterator[bytes]:
        yield form(file(b"\x1a\x45\xdf\xa3" + bytes(500)), end=b"")
        await asyncio.Event().wait()

    async with api.client() as client:
        session = await make_session(client)
        first = asyncio.create_task(client.post(f"/api/upload-answer/{session}/q1", content=stalls(), headers=HEAD))
        while not api.admission.in_flight:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert not api.admission.in_flight
        assert not api.house.memory.files


async def test_of_many_uploads_at_once_no_more_are_accepted_than_may_wait() -> None:
    api, more = Api(most_queued_seconds=100.0, upload_idle_seconds=60), asyncio.Event()
    head = form(file(b"\x1a\x45\xdf\xa3" + bytes(500)), end=b"")

    async def slow(number: int) -> AsyncIterator[bytes]:
        yield head
        await more.wait()
        yield bytes([number]) * 60_000 + b"\r\n--b--\r\n"

    async with api.client() as client:
        session = await make_session(client)
        where = f"/api/upload-answer/{session}/q1"
        sending = [asyncio.create_task(client.post(where, content=slow(number), headers=HEAD)) for number in range(8)]
        while api.admission.in_flight.total() < 8:
            await asyncio.sleep(0)
        more.set()
        answers = await asyncio.gather(*sending)
        api.most_queued_seconds = api.admission.most_queued_seconds = 5.0
        assert sorted(answer.status_code for answer in answers) == [202] * 8  # 60 s of 100
        sending = [
            asyncio.create_task(client.post(where, content=slow(number), headers=HEAD)) for number in range(10, 18)
        ]
        refused = await asyncio.gather(*sending)
        assert {problem(answer) for answer in refused} == {(429, "too_much_queued")}
        await api.house.work_off()
        api.seconds += 1
        sending = [
            asyncio.create_task(client.post(where, content=slow(number), headers=HEAD)) for number in range(20, 28)
        ]
        answers = await asyncio.gather(*sending)
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(202), statuses.count(429)) == (1, 7)  # the one that may go past it
        assert not any(account.seconds - account.queued for account in api.admission.accounts.values())
        assert len(api.house.memory.files) == 1


async def test_what_says_how_large_it_is_is_refused_before_it_is_stored() -> None:
    api, more = Api(most_queued_seconds=5.0, upload_idle_seconds=60), asyncio.Event()
    body = form(file(b"\x1a\x45\xdf\xa3" + bytes(60_000)))
    stored: list[bytes] = []

    async def slow() -> AsyncIterator[bytes]:
        yield body[:600]
        await more.wait()
        stored.append(body[600:])
        yield body[600:]

    headers = HEAD | {"Content-Length": str(len(body))}
    async with api.client() as client:
        session = await make_session(client)
        where = f"/api/upload-answer/{session}/q1"
        first = asyncio.create_task(client.post(where, content=slow(), headers=headers))
        while not any(account.seconds for account in api.admission.accounts.values()):
            await asyncio.sleep(0)
        second = await asyncio.wait_for(client.post(where, content=iterate(body[:600]), headers=headers), 30)
        assert problem(second) == (429, "too_much_queued")
        more.set()
        assert (await first).status_code == 202


async def iterate(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


async def test_who_has_stored_as_much_as_is_allowed_makes_no_more_and_repeats_nothing_twice() -> None:
    api = Api()
    size = len(httpx2.Request("POST", "http://api", json=QUESTIONS).content)
    api.house.most_bytes_of_user = 2 * size
    async with api.client() as client, api.client("bob") as bob:
        key = {"Idempotency-Key": "k"}
        for headers in (key, {}, key, key):
            assert (await client.post("/api/sessions", json=QUESTIONS, headers=headers)).status_code == 201
        assert problem(await client.post("/api/sessions", json=QUESTIONS)) == (409, "quota_used_up")
        assert (await bob.post("/api/sessions", json=QUESTIONS)).status_code == 201
    assert len(api.house.memory.sessions) == 3
