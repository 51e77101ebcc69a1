"""A receipt for each recording that ends, whatever way it ends."""

import asyncio
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from services.adapters.receipt_keys import ReceiptVerifier
from services.errors import AudioUnreadable, EngineUnavailable
from services.interviews.model import Failure, Part, SessionId
from services.recordings.ports.audio import Deletion
from services.recordings.receipt_chain import Line, check
from services.recordings.receipts import Receipts, hash_of
from services.webhooks.recipients import Recipients
from tests.in_memory import ALICE, KEYS, Q1, Interior, incoming
from tests.services.adapters.stores import a_part

HOURS = 1.0


def claims_of(token: str | None) -> dict[str, Any]:
    assert token is not None
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@dataclass
class Stage:
    house: Interior = field(default_factory=Interior)

    async def upload(self, id: SessionId, *pieces: bytes) -> Part:
        return await self.house.intake.receive(id, Q1, ALICE, incoming(*(pieces or (b"some", b"thing"))))

    async def hear(self) -> None:
        for id in self.house.doorbell.to_transcribe:
            await self.house.worker().run(id)
        self.house.doorbell.to_transcribe.clear()

    async def claims(self) -> list[dict[str, Any]]:
        return [claims_of(receipt.token) for receipt in await self.house.receipts.of_user(ALICE.user_id, 0, 100)]

    async def assert_whole(self) -> None:
        receipts = await self.house.receipts.of_user(ALICE.user_id, 0, 10_000)
        lines = [Line(receipt.id, receipt.token) for receipt in receipts]
        found = check(lines, ReceiptVerifier(KEYS.published()).verify)
        assert (found.faults, found.sound) == ([], len(lines))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_what_is_transcribed_has_a_receipt_in_its_answer(stage: Stage) -> None:
    id = await stage.house.session()
    part = await stage.upload(id)
    await stage.hear()
    answer = (await stage.house.sessions.get(id, ALICE)).answers[Q1]
    claims = claims_of(answer.receipt)
    now = stage.house.memory.clock.now
    assert claims == {
        "jti": part.id,
        "kind": "deletion",
        "iat": int(now.timestamp()),
        "chain": "chain-1",
        "seq": 1,
        "prev": None,
        "session_id": id,
        "question_id": "q1",
        "take": 1,
        "ended_as": "completed",
        "sha256": part.sha256,
        "bytes": 9,
        "stored_at": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "deleted_at": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "stores": ["gridfs"],
        "removed": {"files": 1, "chunks": 2},
        "found_afterwards": 0,
        "not_reached": ["database log", "snapshots", "backups"],
        "epoch": None,
        "recipients": [],
        "software": "test",
    }


async def test_every_end_has_one_and_each_names_the_one_before(stage: Stage) -> None:
    id = await stage.house.session()
    for said in (b"one", b"two"):  # of two that wait at once the older is superseded
        await stage.upload(id, said)
    await stage.hear()
    stage.house.ears.trouble = [AudioUnreadable()]
    await stage.upload(id)
    await stage.hear()
    claims = await stage.claims()
    assert [(c["take"], c["ended_as"]) for c in claims] == [(1, "superseded"), (2, "completed"), (3, "failed")]
    await stage.assert_whole()


async def test_a_failed_recording_that_is_kept_has_its_receipt_when_it_goes(stage: Stage) -> None:
    id = await stage.house.session()
    part = await stage.upload(id)
    stage.house.ears.trouble = [EngineUnavailable() for _ in range(10)]
    while (await stage.house.sessions.get(id, ALICE)).answers[Q1].is_pending:
        await stage.house.worker().run(part.id)
        stage.house.memory.clock.advance(200)
    assert await stage.claims() == []
    stage.house.memory.clock.advance(HOURS * 3600 + 1)
    await stage.house.sweep.run(HOURS)
    (claims,) = await stage.claims()
    assert (claims["ended_as"], claims["found_afterwards"]) == ("failed", 0)
    assert (await stage.house.sessions.get(id, ALICE)).answers[Q1].receipt is not None


async def test_what_is_still_there_has_none(stage: Stage) -> None:
    id = await stage.house.session()
    await stage.upload(id)
    assert await stage.claims() == []


async def test_closing_again_gives_the_receipt_that_there_is(stage: Stage) -> None:
    id = await stage.house.session()
    part = await stage.upload(id)
    await stage.hear()
    first = (await stage.house.sessions.get(id, ALICE)).answers[Q1].receipt
    ended = await stage.house.records.get(part.id)
    assert ended is not None
    await stage.house.closing.close(ended)
    assert len(await stage.claims()) == 1
    assert (await stage.house.sessions.get(id, ALICE)).answers[Q1].receipt == first


async def test_the_webhook_carries_it(stage: Stage) -> None:
    told: list[str | None] = []

    async def emit(ended: Any) -> None:
        told.append(ended.receipt)

    id = await stage.house.session()
    part = await stage.upload(id)
    claimed = await stage.house.claims.claim(part.id, "w")
    assert claimed is not None
    failed = await stage.house.claims.fail(part.id, claimed.fence, Failure("x", "y"), keep_audio=False)
    assert failed is not None
    await replace(stage.house.closing, emit=emit).close(failed)
    assert claims_of(told[0])["jti"] == part.id


async def test_processes_that_issue_at_once_make_one_chain(stage: Stage) -> None:
    def process() -> Receipts:
        recipients = Recipients(endpoints=stage.house.endpoints, engine=None)
        return Receipts(ledger=stage.house.receipts, signer=KEYS, software="test", recipients=recipients.of)

    one, other = process(), process()
    parts = [replace(a_part(), user_id=ALICE.user_id) for _ in range(60)]
    issued = [(one, other)[n % 2].issue(part, Deletion(1, 1, 0)) for n, part in enumerate(parts)]
    tokens = await asyncio.gather(*issued)
    assert len({claims_of(token)["seq"] for token in tokens}) == len(parts)
    await stage.assert_whole()


async def test_without_a_key_none_is_made(stage: Stage) -> None:
    receipts = replace(stage.house.issuing, signer=None)
    assert await receipts.issue(a_part(), Deletion(1, 1, 0)) is None


async def test_a_hosted_engine_is_named_where_it_was_given_the_recording(stage: Stage) -> None:
    recipients = Recipients(endpoints=stage.house.endpoints, engine="api.example.com")
    assert await recipients.of(a_part()) == ()
    assert await recipients.of(replace(a_part(), deliveries=1)) == ("api.example.com",)


def test_the_hash_is_that_of_the_whole_token() -> None:
    assert hash_of("a") == "ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs"


async def test_numbers_that_others_took_are_counted() -> None:
    house = Interior()
    first, second = house.issuing, house.issuing
    parts = [replace(a_part(), user_id=ALICE.user_id) for _ in range(3)]
    await first.issue(parts[0], Deletion(1, 1, 0))
    await second.issue(parts[1], Deletion(1, 1, 0))
    await first.issue(parts[2], Deletion(1, 1, 0))
    assert house.memory.counters["receipts"] == {"conflicts": 1}
