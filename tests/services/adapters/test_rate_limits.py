"""Rates on a real Valkey: shared while it answers, in memory while it does not, and never in the way."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import redis.asyncio

from services.adapters.rate_limits import QUIET_SECONDS, StoredRateLimits
from tests import servers


@asynccontextmanager
async def opened(url: str, **budgets: str) -> AsyncIterator[StoredRateLimits]:
    limits = StoredRateLimits(url, budgets)
    try:
        yield limits
    finally:
        await limits.close()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A Valkey that a test may stop, and its process."""
    before = {child.pid for child in psutil.Process().children()}
    with servers.valkey(tmp_path) as url:
        (process,) = [child for child in psutil.Process().children() if child.pid not in before]
        yield url, process


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
    own_valkey: tuple[str, psutil.Process],
) -> None:
    url, process = own_valkey
    now = 0.0
    limits = StoredRateLimits(url, {"a": "5/hour"}, clock=lambda: now)
    async with opened(url, a="5/hour") as other:
        assert await limits.hit("a", "ann") is None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                waits = await asyncio.gather(*[limits.hit("a", "ann") for _ in range(20)])
                assert waits.count(None) == 5, "the budget holds in memory"
                for _ in range(200):
                    await limits.hit("a", "bob")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert await limits.hit("a", "ann") is not None, "still in memory"
        for attempt in range(20):
            now += QUIET_SECONDS + 1
            assert [await limits.hit("a", f"eve{attempt}") for _ in range(5)] == [None] * 5
            if await other.hit("a", f"eve{attempt}") is not None:
                break
        else:
            pytest.fail("not counted in the store again")
        await limits.close()


async def test_hits_of_one_moment_travel_together_and_each_has_its_own_answer(redis_url: str) -> None:
    async with opened(redis_url, small="2/hour", large="100/hour") as limits, redis.asyncio.from_url(redis_url) as seen:
        await limits.hit("large", "first")
        await seen.script_flush()
        for _ in range(2):  # the first time the script has to be loaded anew
            who = str(time.monotonic())
            hits = [limits.hit("small", who) for _ in range(5)] + [limits.hit("large", who) for _ in range(5)]
            waits = await asyncio.gather(*hits)
            assert sorted(wait is None for wait in waits[:5]) == [False] * 3 + [True] * 2
            assert waits[5:] == [None] * 5
