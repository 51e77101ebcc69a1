"""Ringing on a real Valkey: what cannot take a ring is not said to be well."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis
from redis.exceptions import OutOfMemoryError

from app.config import Settings
from app.jobs import QUEUE, make_celery
from services.adapters import celery_doorbell
from services.adapters.celery_doorbell import CeleryDoorbell
from services.interviews.model import PartId
from tests import servers

LATER = f"{QUEUE}\x06\x16{celery_doorbell.LATER}"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is well is waited for."""
    monkeypatch.setattr(celery_doorbell, "BROKER_TIMEOUT_SECONDS", 60.0)


@asynccontextmanager
async def doorbell(url: str) -> AsyncIterator[CeleryDoorbell]:
    made = CeleryDoorbell(make_celery(Settings(redis_url=url), socket_timeout=30.0))
    try:
        yield made
    finally:
        await made.close()


def fill(broker: Redis) -> None:
    """Put in junk until nothing more is taken, however small."""
    for size in (100_000, 1_000, 1):
        for number in range(100_000):
            try:
                broker.set(f"junk{size}.{number}", b"x" * size)
            except OutOfMemoryError:
                break


async def test_the_rings_that_wait_are_counted(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as url:
        async with doorbell(url) as made:
            assert await made.waiting() == 0
            assert await made.transcribe(PartId("p"))
            assert await made.waiting() == 1
        with Redis.from_url(url) as broker:
            assert [broker.llen(QUEUE), broker.llen(LATER)] == [0, 1]


async def test_what_is_not_sent_yet_waits_too(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as url, Redis.from_url(url) as broker:
        async with doorbell(url) as made:
            assert await made.transcribe(PartId("sent by itself"))
            while not broker.llen(LATER):
                pass
            assert await made.transcribe(PartId("sent a moment later, with others"))
            assert await made.waiting() == 2


async def test_what_is_first_is_heard_before_what_came_earlier(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as url:
        async with doorbell(url) as made:
            for number in range(3):
                await made.transcribe(PartId(f"later {number}"))
            await made.transcribe(PartId("first"), first=True)
            assert await made.waiting() == 4
        assert heard(make_celery(Settings(redis_url=url)), 4) == ["first", "later 0", "later 1", "later 2"]


def heard(celery: Celery, number: int) -> list[str]:
    """What a worker hears, so many rings, in its order."""
    ids: list[str] = []

    def take(body: Any, message: Any) -> None:
        ids.append(body[0][0])
        message.ack()

    with celery.connection_for_read() as connection, connection.Consumer([celery.amqp.queues[QUEUE]]) as consumer:
        consumer.qos(prefetch_count=1)
        consumer.register_callback(take)
        while len(ids) < number:
            connection.drain_events(timeout=60.0)
    return ids


async def test_a_broker_that_is_full_takes_no_rings_and_says_so(tmp_path: Path) -> None:
    with servers.valkey(tmp_path, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction") as url:
        async with doorbell(url) as made:
            with Redis.from_url(url) as broker:
                assert await made.waiting() == 0
                fill(broker)
                assert await made.waiting() is None
                broker.execute_command("FLUSHALL", "SYNC")  # another thread would free the memory at its leisure
                assert await made.waiting() == 0


async def test_a_broker_that_is_away_takes_none_either() -> None:
    async with doorbell(f"redis://127.0.0.1:{servers.free_port()}/0") as made:
        assert await made.waiting() is None


class SlowCelery(Celery):
    def __init__(self) -> None:
        super().__init__(set_as_current=False, broker="memory://")
        self.goes_on = threading.Event()
        self.sent = 0

    def send_task(self, *_: Any, **__: Any) -> Any:
        self.goes_on.wait(30)
        self.sent += 1


async def test_rings_are_bounded_and_each_that_left_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_doorbell, "MOST_WAITING", 3)
    celery = SlowCelery()
    bell = CeleryDoorbell(celery)
    for sent in (3, 6):
        celery.goes_on.clear()
        assert [await bell.transcribe(PartId("p")) for _ in range(5)] == [True] * 3 + [False] * 2
        celery.goes_on.set()
        while bell._unsent:
            await asyncio.sleep(0.01)
        assert celery.sent == sent
    await bell.close()


async def test_rings_that_come_together_are_all_heard(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as url:
        bell = CeleryDoorbell(make_celery(Settings(redis_url=url), socket_timeout=30.0))
        assert all([await bell.transcribe(PartId(f"p{number}")) for number in range(50)])
        await bell.close()
        with Redis.from_url(url) as broker:
            bodies = [json.loads(base64.b64decode(json.loads(each)["body"])) for each in broker.lrange(LATER, 0, -1)]
        assert sorted(body[0][0] for body in bodies) == sorted(f"p{number}" for number in range(50))


async def test_the_rings_of_a_broker_that_was_started_anew_are_counted(tmp_path: Path) -> None:
    port = servers.free_port()
    async with doorbell(f"redis://127.0.0.1:{port}/0") as made:
        for life in ("first", "second"):
            (tmp_path / life).mkdir()
            with servers.valkey(tmp_path / life, port=port) as url, Redis.from_url(url) as broker:
                broker.lpush(LATER, life)
                assert await made.waiting() == 1


async def test_a_broker_that_was_started_anew_hears_them(tmp_path: Path) -> None:
    port = servers.free_port()
    bell = CeleryDoorbell(make_celery(Settings(redis_url=f"redis://127.0.0.1:{port}/0"), socket_timeout=30.0))
    for life in ("first", "second"):
        (tmp_path / life).mkdir()
        with servers.valkey(tmp_path / life, port=port) as url, Redis.from_url(url) as broker:
            assert all([await bell.transcribe(PartId("p")) for _ in range(3)])
            while bell._unsent:
                await asyncio.sleep(0.01)
            assert broker.llen(LATER) >= 3
    await bell.close()


async def test_one_that_is_closed_takes_none_and_raises_nothing() -> None:
    bell = CeleryDoorbell(Celery(broker="memory://"))
    await bell.close()
    assert (await bell.transcribe(PartId("a")), await bell.deliver(), await bell.waiting()) == (False, False, None)
