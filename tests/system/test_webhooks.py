"""Webhooks of a real stack arrive at a real receiver, signed, whatever dies on the way."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.audio import silence, wav
from tests.receiver import Answer, Got, Receiver, receiving
from tests.scripts.running import until
from tests.servers import free_port
from tests.system.live import Stack, analyze, create, upload, wait_for

SPEECHLESS = wav(silence(1.0))
LEASE = timedelta(seconds=61)


def listen(client: httpx2.Client, url: str, *events: str) -> dict[str, Any]:
    answer = client.post("/api/webhooks", json={"url": url} | ({"events": list(events)} if events else {}))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def ledger(client: httpx2.Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/webhooks/{webhook['webhook_id']}/deliveries").json()["deliveries"]
    return found


def states(client: httpx2.Client, webhook: dict[str, Any]) -> list[str]:
    return [delivery["state"] for delivery in ledger(client, webhook)]


def arrived(receiver: Receiver, number: int) -> Callable[[], bool]:
    return lambda: len(receiver.seen) >= number


def test_what_happens_to_a_session_is_told(stack: Stack) -> None:
    with receiving() as receiver, stack.client("hooked") as client:
        webhook = listen(client, receiver.url)
        session = create(client, {"id": "q1", "text": "?"}, {"id": "q2", "text": "?"})
        upload(client, session, "q1", SPEECHLESS)
        upload(client, session, "q2", b"\x1a\x45\xdf\xa3" + b"no webm at all" * 500)
        analyze(client, session)
        analyze(client, session)
        until(arrived(receiver, 3))
        until(lambda: states(client, webhook) == ["delivered"] * 3)
        told = [got.verified(webhook["secret"]) for got in receiver.seen]
        assert len({got.id for got in receiver.seen}) == 3
        shown = [delivery["event_id"] for delivery in ledger(client, webhook)]
        assert sorted(shown) == sorted(got.id for got in receiver.seen)
        client.delete(f"/api/webhooks/{webhook['webhook_id']}")
    about = {event["type"]: event["data"] for event in told}
    verdicts = {type: data.pop("speech_verdict") for type, data in about.items()}
    assert verdicts == {"answer.completed": "no_speech", "answer.failed": None, "session.analyzed": None}
    receipts = {type: data.pop("receipt") for type, data in about.items()}
    assert receipts.pop("session.analyzed") is None
    assert all(token.count(".") == 2 for token in receipts.values()), "both recordings are gone"
    assert about == {
        "answer.completed": {"session_id": session, "question_id": "q1", "take": 1, "status": "completed"},
        "answer.failed": {"session_id": session, "question_id": "q2", "take": 1, "status": "failed"},
        "session.analyzed": {"session_id": session, "question_id": None, "take": None, "status": None},
    }


@pytest.mark.long
def test_who_is_down_or_in_trouble_is_told_later_and_by_a_replay_once_more(stack: Stack) -> None:
    port = free_port()
    with receiving(Answer(500, body=b"oops"), Answer()) as troubled, stack.client("patient") as client:
        webhooks = [listen(client, url) for url in (troubled.url, f"http://127.0.0.1:{port}/hooks")]
        session = create(client, {"id": "q1", "text": "?"})
        upload(client, session, "q1", SPEECHLESS)
        until(
            lambda: all(d["attempts"] for webhook in webhooks for d in ledger(client, webhook)) and troubled.seen != []
        )
        with receiving(port=port) as late:
            until(lambda: [states(client, webhook) for webhook in webhooks] == [["delivered"]] * 2)
            (delivery,) = ledger(client, webhooks[0])
            replay = f"/api/webhooks/{webhooks[0]['webhook_id']}/deliveries/{delivery['delivery_id']}/replay"
            assert client.post(replay).status_code == 202
            until(arrived(troubled, 3))
    assert [(a["status"], a["excerpt"]) for a in delivery["attempts"]] == [(500, "oops"), (204, "")]
    first, second, third = (got.verified(webhooks[0]["secret"]) for got in troubled.seen)
    assert first == second == third == late.seen[0].verified(webhooks[1]["secret"])
    assert len({got.id for got in (*troubled.seen, *late.seen)}) == 1


@pytest.mark.long
def test_a_worker_that_dies_while_it_sends_or_before_loses_nothing(stack: Stack) -> None:
    hangs = Answer(hangs=True)
    with receiving(hangs, Answer()) as receiver, stack.client("unlucky") as client:
        webhook = listen(client, receiver.url, "answer.completed")
        session = create(client, {"id": "q1", "text": "?"}, {"id": "q2", "text": "?"})
        upload(client, session, "q1", SPEECHLESS)
        until(arrived(receiver, 1))
        kill_upkeep(stack)
        upload(client, session, "q2", SPEECHLESS)
        wait_for(client, session, "q2")
        lease_ends(stack, webhook)
        until(arrived(receiver, 3))
        until(lambda: states(client, webhook) == ["delivered"] * 2)
    told = [got.verified(webhook["secret"])["data"]["question_id"] for got in receiver.seen]
    assert (told[0], sorted(told[1:])) == ("q1", ["q1", "q2"])
    again = next(got for got, question in zip(receiver.seen[1:], told[1:], strict=True) if question == "q1")
    assert same(again, receiver.seen[0])


def kill_upkeep(stack: Stack) -> None:
    os.kill(stack.running.layout.read_pids()["upkeep"], signal.SIGKILL)


def lease_ends(stack: Stack, webhook: dict[str, Any]) -> None:
    """The database's clock cannot be set: what was claimed is made older instead."""
    claimed = {"webhook_id": webhook["webhook_id"], "state": "sending"}
    older = [{"$set": {"due_at": {"$subtract": ["$due_at", round(LEASE.total_seconds() * 1000)]}}}]
    assert stack.database["webhook_deliveries"].update_one(claimed, older).modified_count == 1


def same(one: Got, other: Got) -> bool:
    return (one.id, one.body) == (other.id, other.body)
