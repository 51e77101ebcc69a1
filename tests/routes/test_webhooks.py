"""Webhooks over HTTP: whom to tell, what was told, and whose they are."""

from typing import Any

import httpx2
import pytest

from services.webhooks.ports import WebhookId
from services.webhooks.redelivery import Reply
from tests.in_memory import Interior
from tests.routes.api import Api, make_session, problem, upload
from tests.routes.test_idempotency import is_replay_of
from tests.services.webhooks.test_webhooks import send

KEY = {"Idempotency-Key": "once"}
WEBHOOK = {"url": "https://hooks.example.com/viva", "events": ["answer.completed"], "description": "scores"}


async def make(client: httpx2.AsyncClient, **values: object) -> dict[str, Any]:
    answer = await client.post("/api/webhooks", json={**WEBHOOK, **values})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/api/webhooks/{body['webhook_id']}"
    return body


async def completed(house: Interior, client: httpx2.AsyncClient) -> str:
    session = await make_session(client)
    assert (await upload(client, session)).status_code == 202
    await house.work_off()
    return session


async def test_the_secret_is_shown_once() -> None:
    async with Api().client() as client:
        made = await make(client)
        secret = made.pop("secret")
        assert secret.startswith("whsec_")
        assert (made["state"], made["failing_since"], made["events"]) == ("active", None, ["answer.completed"])
        shown = await client.get(f"/api/webhooks/{made['webhook_id']}")
        assert shown.json() == made
        listed = await client.get("/api/webhooks")
        assert listed.json() == {"webhooks": [made]}
        assert secret not in shown.text + listed.text


async def test_all_events_are_told_unless_said_otherwise() -> None:
    async with Api().client() as client:
        answer = await client.post("/api/webhooks", json={"url": WEBHOOK["url"]})
        assert answer.json()["events"] == ["answer.completed", "answer.failed", "session.analyzed"]
        assert (await make(client, events=["answer.failed"] * 3))["events"] == ["answer.failed"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {**WEBHOOK, "events": []},
        {**WEBHOOK, "events": ["answer.queued"]},
        {**WEBHOOK, "secret": "mine"},
        {**WEBHOOK, "description": "x" * 201},
    ],
)
async def test_what_is_no_webhook_is_refused(body: dict[str, object]) -> None:
    async with Api().client() as client:
        assert problem(await client.post("/api/webhooks", json=body)) == (422, "invalid_request")


async def test_an_address_that_is_not_for_webhooks_is_refused_and_the_refusal_is_not_kept() -> None:
    async with Api().client() as client:
        body = {"url": "http://hooks.example.com/"}
        answers = [await client.post("/api/webhooks", json=body, headers=KEY) for _ in range(2)]
        for answer in answers:
            assert problem(answer) == (422, "webhook_url_refused")
            assert "https" in answer.json()["detail"]
            assert "Idempotency-Replayed" not in answer.headers


async def test_a_webhook_is_made_once_for_a_key_and_there_are_not_too_many() -> None:
    api = Api()
    async with api.client() as client:
        first, again = [await client.post("/api/webhooks", json=WEBHOOK, headers=KEY) for _ in range(2)]
        assert first.status_code == 201
        assert is_replay_of(again, first)
        assert len(api.house.endpoints.rows) == 1
        for _ in range(2):
            await make(client)
        assert problem(await client.post("/api/webhooks", json=WEBHOOK)) == (409, "too_many_webhooks")


async def test_what_was_sent_is_told_and_can_be_sent_again() -> None:
    api = Api()
    async with api.client() as client:
        id = (await make(client))["webhook_id"]
        session = await completed(api.house, client)
        api.house.courier.replies[WebhookId(id)] = [Reply(status=503, excerpt="busy", milliseconds=12)]
        await send(api.house)
        ledger = (await client.get(f"/api/webhooks/{id}/deliveries")).json()
        (delivery,) = ledger["deliveries"]
        assert ledger["before"] is None
        assert (delivery["state"], delivery["type"]) == ("pending", "answer.completed")
        answer = {"session_id": session, "question_id": "q1", "take": 1, "status": "completed"}
        shown = (await client.get(f"/api/transcription-status/{session}/q1")).json()
        assert delivery["data"] == {**answer, "speech_verdict": "ok", "receipt": shown["deletion_receipt"]}
        assert delivery["next_attempt_at"] > delivery["created_at"]
        (attempt,) = delivery["attempts"]
        assert (attempt["status"], attempt["error"], attempt["excerpt"]) == (503, None, "busy")
        replayed = await client.post(f"/api/webhooks/{id}/deliveries/{delivery['delivery_id']}/replay")
        assert (replayed.status_code, replayed.json()["event_id"]) == (202, delivery["event_id"])
        await send(api.house)
        (delivery,) = (await client.get(f"/api/webhooks/{id}/deliveries?state=delivered")).json()["deliveries"]
        assert [each["status"] for each in delivery["attempts"]] == [503, 204]
        assert delivery["next_attempt_at"] is None
        assert len(set(api.house.courier.sent)) == 1
        assert (await client.get(f"/api/webhooks/{id}/deliveries?state=dead")).json()["deliveries"] == []


async def test_the_ledger_comes_in_pages() -> None:
    api = Api()
    async with api.client() as client:
        id = (await make(client))["webhook_id"]
        for number in range(3):
            tested = await client.post(f"/api/webhooks/{id}/test", headers={"Idempotency-Key": str(number)})
            assert (tested.status_code, tested.json()["type"]) == (202, "webhook.test")
            api.house.memory.clock.advance(1)
        first = (await client.get(f"/api/webhooks/{id}/deliveries?limit=2")).json()
        rest = (await client.get(f"/api/webhooks/{id}/deliveries?limit=2&before={first['before']}")).json()
        assert [len(first["deliveries"]), len(rest["deliveries"]), rest["before"]] == [2, 1, None]
        absent = await client.get(f"/api/webhooks/{id}/deliveries?before=none")
        assert problem(absent) == (404, "delivery_not_found")


async def test_a_test_is_sent_once_for_a_key() -> None:
    api = Api()
    async with api.client() as client:
        id = (await make(client))["webhook_id"]
        first, again = [await client.post(f"/api/webhooks/{id}/test", headers=KEY) for _ in range(2)]
        assert is_replay_of(again, first)
        await client.post(f"/api/webhooks/{id}/test")
        assert len(api.house.ledger.rows) == 2


async def test_a_new_secret_is_shown_and_the_old_one_stays_for_a_day() -> None:
    api = Api()
    async with api.client() as client:
        made = await make(client)
        rotated = await client.post(f"/api/webhooks/{made['webhook_id']}/secret")
        assert rotated.status_code == 200
        new, old = rotated.json()["secret"], made["secret"]
        assert (await api.house.endpoints.find(made["webhook_id"])).secrets == (new, old)  # type: ignore[union-attr]
        api.house.memory.clock.advance(86400)
        assert (await api.house.endpoints.find(made["webhook_id"])).secrets == (new,)  # type: ignore[union-attr]


async def test_a_deleted_webhook_is_gone_with_its_ledger() -> None:
    api = Api()
    async with api.client() as client:
        id = (await make(client))["webhook_id"]
        await client.post(f"/api/webhooks/{id}/test")
        assert (await client.delete(f"/api/webhooks/{id}")).status_code == 204
        assert problem(await client.delete(f"/api/webhooks/{id}")) == (404, "webhook_not_found")
        assert (api.house.ledger.rows, (await client.get("/api/webhooks")).json()) == ({}, {"webhooks": []})


async def test_anothers_webhook_is_like_none() -> None:
    api = Api()
    async with api.client("alice") as alice, api.client("bob") as bob:
        id = (await make(alice))["webhook_id"]
        delivery = (await alice.post(f"/api/webhooks/{id}/test")).json()["delivery_id"]
        for method, path in [
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/deliveries"),
            ("POST", "/test"),
            ("POST", "/secret"),
            ("POST", f"/deliveries/{delivery}/replay"),
        ]:
            foreign = await bob.request(method, f"/api/webhooks/{id}{path}")
            absent = await bob.request(method, f"/api/webhooks/none{path}")
            assert problem(foreign) == (404, "webhook_not_found")
            assert foreign.content == absent.content
        assert (await bob.get("/api/webhooks")).json() == {"webhooks": []}
        own = (await make(bob))["webhook_id"]
        assert problem(await bob.post(f"/api/webhooks/{own}/deliveries/{delivery}/replay"))[1] == "delivery_not_found"
        assert len((await alice.get(f"/api/webhooks/{id}/deliveries")).json()["deliveries"]) == 1
