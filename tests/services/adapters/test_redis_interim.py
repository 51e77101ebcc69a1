"""Interim texts on a real Valkey: heard by every process, kept by none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from services.adapters.redis_channels import RedisInterimTexts
from services.adapters.redis_channels import interim as redis_interim
from services.events.interim import Interim
from services.interviews.model import CallId, CallSide, PartId, QuestionId, SessionId

CHANNEL = "viva_voce.interim.test"
SAYS = Interim(
    session_id=SessionId("s1"), question_id=QuestionId("q1"), take=1, index=3, start=48.0, end=50.5, text="is thät"
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is well is waited for."""
    monkeypatch.setattr(redis_interim, "TIMEOUT_SECONDS", 30.0)


@asynccontextmanager
async def texts(url: str) -> AsyncIterator[RedisInterimTexts]:
    made = RedisInterimTexts(url, CHANNEL)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator["asyncio.Queue[Interim]"]:
    heard: asyncio.Queue[Interim] = asyncio.Queue()
    async with texts(url) as made, Redis.from_url(url) as client:
        task = asyncio.create_task(made.listen(heard.put_nowait))
        async with asyncio.timeout(30):
            while not (await client.pubsub_numsub(CHANNEL))[0][1]:
                await asyncio.sleep(0.01)
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_what_one_says_all_hear(redis_url: str) -> None:
    async with listening(redis_url) as heard, texts(redis_url) as other:
        await other.say(SAYS)
        assert await asyncio.wait_for(heard.get(), 30) == SAYS


async def test_of_a_call_it_is_told_whose_side_it_is(redis_url: str) -> None:
    right = replace(SAYS, call_id=CallId("c1"), side=CallSide.RIGHT)
    async with listening(redis_url) as heard, texts(redis_url) as other:
        await other.say(right)
        told = await asyncio.wait_for(heard.get(), 30)
    assert told == right
    assert told.side is CallSide.RIGHT


async def test_what_is_none_and_what_a_later_version_adds_is_let_be(redis_url: str) -> None:
    async with listening(redis_url) as heard, Redis.from_url(redis_url) as client, texts(redis_url) as other:
        for data in (b"", b"[]", b"{}", b"\xff", b"null", b'{"side": "above"}'):
            await client.publish(CHANNEL, data)
        await other.say(SAYS)
        assert await asyncio.wait_for(heard.get(), 30) == SAYS


async def test_one_reads_a_recording_at_a_time(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with texts(redis_url) as one, texts(redis_url) as other:
        monkeypatch.setattr(redis_interim, "TAKEN_MILLISECONDS", 60_000)
        assert await one.take(PartId("a")) and await other.take(PartId("b"))
        assert not await other.take(PartId("a"))
        monkeypatch.setattr(redis_interim, "TAKEN_MILLISECONDS", 200)
        assert await one.take(PartId("c"))
        async with asyncio.timeout(30):
            while not await other.take(PartId("c")):
                await asyncio.sleep(0.02)


async def test_nothing_of_it_is_kept_and_the_log_of_slow_commands_has_no_words(redis_url: str) -> None:
    async with texts(redis_url) as one, Redis.from_url(redis_url) as client:
        before = {key async for key in client.scan_iter()}
        await client.config_set("slowlog-log-slower-than", 0)
        await one.say(SAYS)
        await client.config_set("slowlog-log-slower-than", -1)
        slow = await client.slowlog_get(100)
        assert any(b"PUBLISH" in entry["command"].upper() for entry in slow)
        assert not any(b"is th" in entry["command"] for entry in slow)
        assert not {key async for key in client.scan_iter()} - before


async def test_without_a_server_nothing_is_said_and_nobody_waits() -> None:
    async with texts("redis://127.0.0.1:1/0") as made:
        await made.say(SAYS)
        assert not await made.take(PartId("a"))
    async with texts("memory://") as made:
        await made.say(SAYS)
        assert not await made.take(PartId("a"))
        await made.listen(lambda interim: None)
