"""Hints on a real Valkey: heard by every process, lost in silence while it is away, heard again when it is back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio.client import PubSub

from services.adapters.redis_channels import RedisHints
from services.adapters.redis_channels import hints as redis_hints
from services.background import Background
from services.interviews.model import SessionId
from tests import servers
from tests.virtual_time import HurriedLoop

S1, S2 = SessionId("s1"), SessionId("s2")
CHANNEL = "viva_voce.news.test"


class Heard(list[SessionId | None]):
    async def until(self, done: Callable[["Heard"], bool], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not done(self):
                await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is well is waited for."""
    monkeypatch.setattr(redis_hints, "TIMEOUT_SECONDS", 30.0)


@pytest.fixture
def quick(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in seconds waits in fractions."""
    monkeypatch.setattr(redis_hints, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(redis_hints, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(redis_hints, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(redis_hints, "MOST_BACKOFF", 0.2)
    monkeypatch.setattr(redis_hints, "LEAST_BACKOFF", 0.05)


@asynccontextmanager
async def hints(url: str, channel: str = CHANNEL) -> AsyncIterator[RedisHints]:
    made = RedisHints(url, channel, Background())
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def listener(url: str, channel: str = CHANNEL) -> AsyncIterator[Heard]:
    heard = Heard()
    async with hints(url, channel) as made:
        task = asyncio.create_task(made.listen(heard.append))
        try:
            await heard.until(lambda h: None in h)
            yield heard
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[str]:
    with servers.valkey(tmp_path) as url:
        yield url


async def test_every_process_hears_what_one_announces(redis_url: str) -> None:
    async with listener(redis_url) as one, listener(redis_url) as other, hints(redis_url) as made:
        made.announce(S1)
        made.announce(S2)
        for heard in (one, other):
            await heard.until(lambda h: {S1, S2} <= {*h})


async def test_a_house_hears_nothing_of_another(redis_url: str) -> None:
    async with listener(redis_url, "another") as other, listener(redis_url) as own, hints(redis_url) as made:
        made.announce(S1)
        await own.until(lambda h: S1 in h)
        assert other == [None]


async def test_what_comes_together_is_sent_once(redis_url: str) -> None:
    async with listener(redis_url) as heard, hints(redis_url) as made:
        for _ in range(1000):
            made.announce(S1)
        made.announce(S2)
        await heard.until(lambda h: S2 in h)
        assert heard.count(S1) == 1


def test_a_server_that_is_well_and_some_way_off_loses_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 ms there and back, and 500 changes a second: it is always behind, and never out of reach."""
    loop, sent = HurriedLoop(), list[SessionId]()
    made = RedisHints("redis://127.0.0.1:1/0", CHANNEL, Background())

    async def send(client: object, ids: list[SessionId]) -> None:
        await asyncio.sleep(0.02)
        sent.extend(ids)

    async def announce() -> None:
        for number in range(2000):
            made.announce(SessionId(f"s{number}"))
            await asyncio.sleep(0.002)
        await asyncio.sleep(1)

    monkeypatch.setattr(made, "_send", send)
    loop.run_until_complete(announce())
    loop.close_all()
    assert sent == [f"s{number}" for number in range(2000)]


async def test_what_was_announced_last_is_sent_before_the_end(redis_url: str) -> None:
    async with listener(redis_url) as heard:
        async with hints(redis_url) as made:
            made.announce(S1)
        await heard.until(lambda h: S1 in h)


async def test_silence_is_no_reason_to_begin_anew(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that nothing came for a while it asks, and is answered."""
    monkeypatch.setattr(redis_hints, "SILENCE_SECONDS", 1.0)
    pings, ping = list[PubSub](), PubSub.ping

    async def counted(channel: PubSub) -> None:
        pings.append(channel)
        await ping(channel)

    monkeypatch.setattr(PubSub, "ping", counted)
    async with listener(redis_url) as heard:
        async with asyncio.timeout(60):
            while len(pings) < 3:
                await asyncio.sleep(0.01)
        assert heard == [None]


@pytest.mark.parametrize("steps", range(4))
async def test_who_stops_while_a_ping_leaves_is_let_go(redis_url: str, quick: None, steps: int) -> None:
    heard, loop = Heard(), asyncio.get_running_loop()
    async with hints(redis_url) as made:
        task = asyncio.create_task(made.listen(heard.append))
        await heard.until(lambda h: None in h)
        before, deadline = asyncio.all_tasks(), loop.time() + 2
        while asyncio.all_tasks() == before and loop.time() < deadline:  # the driver sends in a task of its own
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=60)
        task.cancel()
        assert done


async def test_a_server_that_stands_still_holds_nobody_up_and_is_heard_again(own_valkey: str, quick: None) -> None:
    async with listener(own_valkey) as heard, hints(own_valkey) as made:
        os.kill(servers.pid_of(own_valkey), signal.SIGSTOP)
        try:
            for _ in range(100):
                made.announce(S1)
                await asyncio.sleep(0)
            await asyncio.sleep(1.5)
        finally:
            os.kill(servers.pid_of(own_valkey), signal.SIGCONT)
        await heard.until(lambda h: h.count(None) >= 2)
        while S2 not in heard:
            made.announce(S2)
            await asyncio.sleep(0.05)


async def test_without_a_server_nothing_fails_and_one_that_comes_back_is_heard(tmp_path: Path, quick: None) -> None:
    port = servers.free_port()
    url = f"redis://127.0.0.1:{port}/0"
    async with hints(url) as made:
        heard = Heard()
        task = asyncio.create_task(made.listen(heard.append))
        for _ in range(3):
            made.announce(S1)
            await asyncio.sleep(0.1)
        assert heard == []
        for number in (1, 2):
            with servers.valkey(tmp_path, port=port):
                await heard.until(lambda h, number=number: h.count(None) >= number)  # type: ignore[misc]
        task.cancel()
        await asyncio.wait([task])


async def test_a_broker_of_another_kind_gives_no_hints() -> None:
    async with hints("amqp://127.0.0.1/") as made:
        made.announce(S1)
        await asyncio.wait_for(made.listen(lambda _: None), 60)
