"""Erasing on real stores: words that were planted everywhere are looked for everywhere."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import Redis

from app.config import Settings
from app.container import Wiring, wire
from app.jobs import make_celery
from app.main import build, open_services
from services.adapters.mongo.indexes import INDEXES
from services.interviews.model import Evaluation, Feedback, PartId, SessionId, UserId
from services.interviews.transcript import Transcript
from services.webhooks.redelivery import Later, Reply
from tests.routes.api import WEBM, NamedTokens, client_of

Document = dict[str, Any]
WORD = "zyzzyva"
USER = f"user-{WORD}"
# What these hold concerns nobody: sums, turns, signs of life, the doctor's probe.
IMPERSONAL = {"counters", "workers", "doctor", "trends", "epochs", "receipts"}


class WordyTokens(NamedTokens):
    """As the others; one user's id is a planted word."""

    async def verify(self, token: str) -> Any:
        viewer = await super().verify("alice" if token == USER else token)
        return replace(viewer, user_id=UserId(USER)) if token == USER else viewer


@dataclass
class Live:
    """An API on real stores, and the worker's half of the wiring."""

    app: Any
    wiring: Wiring
    database: AsyncDatabase[Document]

    def client(self, user: str = USER) -> httpx2.AsyncClient:
        return client_of(self.app, user)


@asynccontextmanager
async def living(database: AsyncDatabase[Document], mongodb_url: str, redis_url: str) -> AsyncIterator[Live]:
    settings = Settings.told(
        {
            "MONGODB_URL": mongodb_url,
            "MONGODB_DATABASE": database.name,
            "REDIS_URL": redis_url,
            "UPLOAD_IDLE_SECONDS": "1",
            "ENCRYPT_RECORDINGS": "0",
            "WEBHOOKS_ALLOW_PRIVATE": "1",
        }
    )
    app = build(lambda: open_services(settings, WordyTokens()))
    wiring = wire(settings, database, make_celery(settings))
    async with app.router.lifespan_context(app):
        try:
            yield Live(app, wiring, database)
        finally:
            await wiring.close()


@pytest.fixture
async def live(database: AsyncDatabase[Document], mongodb_url: str, redis_url: str) -> AsyncIterator[Live]:
    async with living(database, mongodb_url, redis_url) as one:
        yield one


async def planted(live: Live) -> str:
    """A session with everything that there can be, with the word in whatever a person may write or say."""
    question = {"id": f"q-{WORD}", "text": f"Why {WORD}?", "reference_answer": WORD, "key_points": [f"{WORD} point"]}
    other = {"id": "other", "text": f"How {WORD}?"}
    async with live.client() as client, live.client("admin") as admin:
        body = {"title": f"{WORD} title", "questions": [question, other]}
        made = await client.post("/api/sessions", json=body, headers={"Idempotency-Key": WORD})
        assert made.status_code == 201, made.text
        id = str(made.json()["session_id"])
        hook = {"url": f"http://127.0.0.1:9/{WORD}", "events": ["answer.completed"], "description": WORD}
        assert (await client.post("/api/webhooks", json=hook)).status_code == 201
        for asked in (f"q-{WORD}", "other"):
            path, sent = f"/api/upload-answer/{id}/{asked}", {"audio": ("a.webm", WEBM)}
            kept = await client.post(path, files=sent, headers={"Idempotency-Key": asked})
            assert kept.status_code == 202, kept.text
        await transcribed(live, PartId((await at(client, f"/api/transcription-status/{id}/q-{WORD}"))["file_id"]))
        assert (await client.post(f"/api/sessions/{id}/tickets")).status_code == 201
        for sought in (USER, f"{WORD} tit", f"{WORD.upper()} title"):
            await at(admin, f"/api/admin/sessions?q={sought}")
        await at(admin, f"/api/sessions/{id}")
        reason = {"reason": f"Because of {WORD}."}
        await admin.post(f"/api/admin/answers/{id}/other/fail", json=reason)
        assert (await client.post(f"/api/analyze/{id}", headers={"Idempotency-Key": "a"})).status_code == 200
    return id


async def at(client: httpx2.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def transcribed(live: Live, id: PartId) -> None:
    """As a worker and a scorer do it, and a webhook that answers with what it was told."""
    claimed = await live.wiring.claims.claim(id, "worker")
    assert claimed is not None
    heard = Transcript(text=f"I say {WORD}.", language=None, duration=1.0, engine="ears")
    part = await live.wiring.claims.complete(id, claimed.fence, heard)
    assert part is not None
    await live.wiring.closing.close(part, heard)
    point = Feedback(point=f"{WORD} point", covered=True, quote=WORD, comment=WORD)
    score = Evaluation(score=80.0, feedback=(point,), scorer="s")
    assert await live.wiring.sessions.score(part.session_id, part.question_id, part.take, score)
    await live.wiring.closings.scored(id)
    sent = await live.wiring.dispatch.ledger.claim([], 60.0)
    assert sent is not None
    reply = Reply(status=500, excerpt=f"no {WORD} here", milliseconds=1)
    await live.wiring.dispatch.ledger.note(sent.id, sent.fence, Later(3600.0), reply)


async def words_in(database: AsyncDatabase[Document], word: str) -> dict[str, int]:
    """In how many documents of which collection it stands, in whatever case."""
    found = {}
    for name in await database.list_collection_names():
        rows = [repr(row) async for row in database[name].find()]
        found[name] = len([row for row in rows if re.search(word, row, re.IGNORECASE)])
    return {name: count for name, count in found.items() if count}


async def words_in_valkey(url: str, word: str) -> list[bytes]:
    async with Redis.from_url(url) as client:
        keys: list[bytes] = [key async for key in client.scan_iter()]
        dumped = [(key, await client.dump(key) or b"") for key in keys]
    return [key for key, value in dumped if word.encode() in (key + value).lower()]


async def done(client: httpx2.AsyncClient, erasure: str) -> Document:
    async with asyncio.timeout(60):
        while (now := await at(client, f"/api/erasures/{erasure}"))["state"] != "done":
            await asyncio.sleep(0.05)
    return now  # type: ignore[no-any-return]


async def test_planted_words_are_in_no_collection_any_more_nor_in_valkey_nor_in_any_log(
    live: Live, redis_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    id = await planted(live)
    before = await words_in(live.database, WORD)
    everywhere = {"interview_sessions", "parts", "fs.files", "replays", "webhooks", "webhook_deliveries", "tickets"}
    assert set(before) == everywhere | {"audit", "usage"}
    async with live.client() as client:
        asked = await client.delete(f"/api/sessions/{id}")
        found = (await done(client, asked.json()["erasure_id"]))["found"]
        assert {kind: count for kind, count in found.items() if kind not in ("audit", "sought", "usage")} == {
            "parts": 2,
            "files": 1,
            "chunks": 1,
            "deliveries": 1,
            "replays": 4,
            "tickets": 1,
        }
        assert found["audit"] >= 2 and found["sought"] == 2
        left = await words_in(live.database, WORD)
        assert set(left) <= {"webhooks", "usage", "audit"}, "what is the user's own stays, and that he was looked for"
        whole = await client.delete("/api/users/me/data")
        await done(client, whole.json()["erasure_id"])
    assert await words_in(live.database, WORD) == {}
    assert await words_in_valkey(redis_url, WORD) == []
    said = "".join(capfd.readouterr()).replace(f"q-{WORD}", "the id that a client gave a question")
    assert WORD not in said.lower()
    assert await words_in(live.database, id), "what stays is that it was erased"


async def test_each_collection_is_erased_from_or_concerns_nobody(live: Live) -> None:
    id = await planted(live)
    async with live.client() as client:
        await done(client, (await client.delete(f"/api/sessions/{id}")).json()["erasure_id"])
        await done(client, (await client.delete("/api/users/me/data")).json()["erasure_id"])
    names = {*await live.database.list_collection_names(), *INDEXES}
    assert [row["_id"] async for row in live.database["receipt_chains"].find()] == [""], "that of erasures"
    for name in names - IMPERSONAL - {"audit", "erasures", "receipt_chains"}:
        assert [row async for row in live.database[name].find()] == [], name
    shown = [row async for row in live.database["erasures"].find()]
    assert all("work" not in row and "sole" not in row for row in shown)


async def test_two_processes_erase_the_same_at_once(
    live: Live, database: AsyncDatabase[Document], mongodb_url: str, redis_url: str
) -> None:
    id = SessionId(await planted(live))
    async with living(database, mongodb_url, redis_url) as other, live.client() as client, other.client() as twin:
        answers = await asyncio.gather(*(each.delete(f"/api/sessions/{id}") for each in (client, twin) * 3))
        assert {answer.status_code for answer in answers} <= {200, 202}
        assert len({answer.json()["erasure_id"] for answer in answers}) == 1
        now = await done(client, answers[0].json()["erasure_id"])
        users = await asyncio.gather(*(each.delete("/api/users/me/data") for each in (client, twin) * 3))
        assert {answer.status_code for answer in users} == {202}
        for answer in users:
            await done(client, answer.json()["erasure_id"])
    assert (now["found"]["parts"], now["found"]["files"], now["found"]["chunks"]) == (2, 1, 1)
    assert await words_in(database, WORD) == {}


async def test_what_is_counted_as_a_users_is_given_back_once(live: Live) -> None:
    async with live.client() as client:
        for _ in range(2):
            id = (await client.post("/api/sessions", json={"questions": [{"id": "q", "text": "?"}]})).json()
        (before,) = [row async for row in live.database["usage"].find()]
        asked = await client.delete(f"/api/sessions/{id['session_id']}")
        await done(client, asked.json()["erasure_id"])
        journal = live.wiring.erasing.journal
        await live.database["erasures"].update_many({}, [{"$set": {"next_at": None}}])
        await live.wiring.erasing.drive_due()
        assert await journal.due(10) == []
        (after,) = [row async for row in live.database["usage"].find()]
    assert (before["sessions"], after["sessions"]) == (2, 1)
    assert after["bytes"] * 2 == before["bytes"]


async def test_nothing_is_made_anew_under_the_name_of_what_was_erased(live: Live) -> None:
    key = {"Idempotency-Key": "again"}
    body = {"questions": [{"id": "q", "text": "?"}]}
    async with live.client() as client:
        first = (await client.post("/api/sessions", json=body, headers=key)).json()["session_id"]
        await done(client, (await client.delete(f"/api/sessions/{first}")).json()["erasure_id"])
        second = (await client.post("/api/sessions", json=body, headers=key)).json()["session_id"]
    assert second != first


async def test_what_a_user_makes_while_his_erasure_waits_for_a_hold_stays_his(live: Live) -> None:
    body, reason, user = {"questions": [{"id": "q", "text": "?"}]}, {"reason": "A claim."}, UserId(USER)
    chain_of = live.wiring.receipts.chain_of
    async with live.client() as client, live.client("admin") as admin:
        held = (await client.post("/api/sessions", json=body)).json()["session_id"]
        assert (await admin.post(f"/api/admin/sessions/{held}/hold", json=reason)).status_code == 200
        before = await chain_of(user)
        erasure = (await client.delete("/api/users/me/data")).json()["erasure_id"]
        async with asyncio.timeout(60):
            while (await at(client, f"/api/erasures/{erasure}"))["waits_for"] != "hold":
                await asyncio.sleep(0.05)
        await client.post("/api/sessions", json=body)
        chain = await chain_of(user)
        await driven(live)
        assert [row["sessions"] async for row in live.database["usage"].find()] == [2]
        assert before != await chain_of(user) == chain, "his receipts go on in one chain, which is not the old one"
        assert (await admin.post(f"/api/admin/sessions/{held}/hold/lift", json=reason)).status_code == 200
        await driven(live)
        await done(client, erasure)
    assert [row["sessions"] async for row in live.database["usage"].find()] == [1]
    assert await chain_of(user) == chain


async def driven(live: Live) -> None:
    """Two passes over all that is waiting."""
    for _ in range(2):
        await live.database["erasures"].update_many({}, [{"$set": {"next_at": None}}])
        await live.wiring.erasing.drive_due()
