"""Rates on a real Valkey: shared while it answers, in memory while it does not, and never in the way."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from redis.exceptions import ResponseError

from services.adapters.rate_limits import StoredRateLimits, rates
from services.adapters.rate_limits.rates import QUIET_SECONDS
from services.adapters.rate_limits.together import TogetherStorage
from tests import servers
from tests.logs import captured
from tests.new_tasks import new_tasks
from tests.stalling_proxy import line_to


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is well is waited for."""
    monkeypatch.setattr(rates, "TIMEOUT_SECONDS", 60.0)


@asynccontextmanager
async def opened(url: str, **budgets: str) -> AsyncIterator[StoredRateLimits]:
    limits = StoredRateLimits(url, budgets)
    try:
        yield limits
    finally:
        await limits.close()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A Valkey that a test may stop, and its process."""
    with servers.valkey(tmp_path) as url:
        yield url, servers.pid_of(url)


@pytest.mark.usefixtures("patient")
async def test_a_budget_is_shared_by_all_who_count(redis_url: str) -> None:
    async with opened(redis_url, shared="3/hour") as one, opened(redis_url, shared="3/hour") as two:
        assert [await limits.hit("shared", "ann") for limits in (one, two, one)] == [None] * 3
        for limits in (one, two):
            wait = await limits.hit("shared", "ann")
            assert wait is not None and 1 <= wait <= 3600
        assert await one.hit("shared", "bob") is None


async def test_an_empty_budget_is_no_limit(redis_url: str) -> None:
    async with opened(redis_url, off="", on="1/hour") as limits:
        assert [await limits.hit("off", "x") for _ in range(5)] == [None] * 5
        assert [await limits.hit("unknown", "x") for _ in range(5)] == [None] * 5


async def test_a_budget_that_is_none_is_refused(redis_url: str) -> None:
    with pytest.raises(ValueError, match="120/minute"):
        StoredRateLimits(redis_url, {"a": "many"})


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "sentinel://127.0.0.1:1/0"])
async def test_without_a_store_rates_are_counted_in_memory(url: str) -> None:
    async with opened(url, a="2/hour") as limits:
        assert [await limits.hit("a", "ann") for _ in range(2)] == [None] * 2
        assert await limits.hit("a", "ann") is not None


async def test_a_store_that_stands_still_holds_nobody_up_and_is_used_again_afterwards(
    own_valkey: tuple[str, int],
) -> None:
    url, pid = own_valkey
    now = 0.0
    limits = StoredRateLimits(url, {"a": "5/hour"}, clock=lambda: now)
    async with opened(url, a="5/hour") as other:
        assert await limits.hit("a", "ann") is None
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(60):
                waits = await asyncio.gather(*[limits.hit("a", "ann") for _ in range(20)])
                assert waits.count(None) == 5, "the budget holds in memory"
                for _ in range(1000):
                    await limits.hit("a", "bob")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert await limits.hit("a", "ann") is not None, "still in memory"
        for attempt in range(20):
            now += QUIET_SECONDS + 1
            assert [await limits.hit("a", f"eve{attempt}") for _ in range(5)] == [None] * 5
            if await other.hit("a", f"eve{attempt}") is not None:
                break
        else:
            pytest.fail("not counted in the store again")
        await limits.close()


async def test_a_store_that_says_no_goodbye_is_left_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stands_still(**_: bool) -> None:
        raise redis.exceptions.TimeoutError("Timed out closing connection")

    async with opened(f"redis://127.0.0.1:{servers.free_port()}/0", a="2/hour") as limits:
        with monkeypatch.context() as patch:
            patch.setattr(limits._pool, "disconnect", stands_still)
            assert [await limits.hit("a", "ann") is None for _ in range(3)] == [True, True, False]


@pytest.mark.usefixtures("patient")
async def test_a_store_that_became_a_copy_is_left_for_the_one_in_its_place(tmp_path: Path) -> None:
    """As after a failover behind one name, where what was first lives on."""
    now = [0.0]
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    with servers.valkey(tmp_path / "before") as before, servers.valkey(tmp_path / "after") as after:
        ports = [urlsplit(url).port or 0 for url in (before, after)]
        with line_to(ports[0]) as line:
            limits = StoredRateLimits(f"redis://127.0.0.1:{line.port}/0", {"shared": "2/hour"}, lambda: now[0])
            assert await limits.hit("shared", "ann") is None
            async with redis.asyncio.from_url(before) as first:
                await first.execute_command("REPLICAOF", "127.0.0.1", str(ports[1]))  # type: ignore[no-untyped-call]
            line.lead_to(ports[1])
            with captured() as logs:
                assert await limits.hit("shared", "ann") is None  # in memory
            assert [line["reason"] for line in logs] == ["ReadOnlyError"]
            now[0] += QUIET_SECONDS
            assert [await limits.hit("shared", "bob") for _ in range(2)] == [None] * 2
            async with redis.asyncio.from_url(after) as second:
                assert len(await second.keys("RATES*")) == 1
            await limits.close()


@pytest.mark.usefixtures("patient")
async def test_hits_of_one_moment_travel_together_and_each_has_its_own_answer(redis_url: str) -> None:
    async with opened(redis_url, small="2/hour", large="100/hour") as limits, redis.asyncio.from_url(redis_url) as seen:
        await limits.hit("large", "first")
        await seen.script_flush()
        for _ in range(2):  # the first time the script has to be loaded anew
            who = uuid.uuid4().hex
            hits = [limits.hit("small", who) for _ in range(5)] + [limits.hit("large", who) for _ in range(5)]
            waits = await asyncio.gather(*hits)
            assert sorted(wait is None for wait in waits[:5]) == [False] * 3 + [True] * 2
            assert waits[5:] == [None] * 5


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("store", ["redis", "memory"])
async def test_hits_of_several_budgets_are_counted_each_and_the_longest_wait_is_told(
    store: str, redis_url: str
) -> None:
    url, ann, bob = redis_url if store == "redis" else "memory://", uuid.uuid4().hex, uuid.uuid4().hex
    async with opened(url, short="1/minute", long="2/day", off="") as limits:
        assert await limits.hit_each(("off", ann)) is None
        assert await limits.hit_each(("short", ann), ("long", ann), ("off", ann)) is None
        wait = await limits.hit_each(("short", ann), ("long", bob))
        assert wait is not None and 1 <= wait <= 60
        assert await limits.hit("long", ann) is None
        wait = await limits.hit_each(("short", ann), ("long", ann))
        assert wait is not None and wait > 60
        assert await limits.hit_each(("long", bob)) is None, "one was counted, also where another budget was used up"
        assert await limits.hit("long", bob) is not None


@pytest.mark.usefixtures("patient")
async def test_hits_of_one_moment_take_one_task(redis_url: str) -> None:
    async with opened(redis_url, a="100/hour", b="100/hour") as limits:
        await limits.hit("a", "first")  # the connection is there
        with new_tasks() as tasks:
            await limits.hit_each(("a", "ann"), ("b", "ann"))
        assert len(tasks) == 1


async def test_what_is_refused_leaves_the_connection_as_it_was(redis_url: str) -> None:
    """The answer to one command is no answer to the next."""
    who = uuid.uuid4().hex
    async with opened(redis_url, a="2/hour", b="2/hour") as limits, redis.asyncio.from_url(redis_url) as seen:
        await limits.hit("a", who)
        (key,) = [key async for key in seen.scan_iter(f"*{rates._named(who)}*")]
        await seen.delete(key)
        await seen.lpush(key, "no number")
        assert await limits.hit_each(("a", who), ("b", who)) is None, "counted in memory"
        await seen.delete(key)
        limits._memory_until = 0.0
        assert [await limits.hit("a", who) is None for _ in range(3)] == [True, True, False]


def shared(limits: StoredRateLimits) -> TogetherStorage:
    """What is counted for all processes."""
    assert limits._shared is not None and isinstance(limits._shared._storage, TogetherStorage)
    return limits._shared._storage


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("is_known", [True, False], ids=["script known", "script not known"])
async def test_what_is_refused_of_one_is_nothing_to_the_others_of_its_moment(is_known: bool, redis_url: str) -> None:
    entries = [(uuid.uuid4().hex, 1, 3600) for _ in range(2)]
    async with opened(redis_url) as limits, redis.asyncio.from_url(redis_url) as seen:
        storage = shared(limits)
        assert await asyncio.gather(*(storage.acquire_each([one]) for one in entries)) == [[True], [True]]
        (key,) = [key async for key in seen.scan_iter(f"*{entries[0][0]}*")]
        await seen.delete(key)
        await seen.lpush(key, "no number")
        if not is_known:
            await seen.script_flush()
        asked = (storage.acquire_each([one]) for one in entries)
        refused, counted = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(refused, ResponseError)
        assert counted == [False]


@pytest.mark.usefixtures("patient")
async def test_a_sending_that_never_began_keeps_nothing_of_what_follows_from_being_counted(redis_url: str) -> None:
    who = uuid.uuid4().hex
    async with opened(redis_url, a="2/hour") as limits:
        hit = asyncio.create_task(limits.hit("a", who))
        await asyncio.sleep(0)
        for sending in shared(limits)._sending:
            sending.cancel()
        hit.cancel()
        await asyncio.gather(hit, return_exceptions=True)
        async with asyncio.timeout(30):
            assert await limits.hit("a", who) is None
