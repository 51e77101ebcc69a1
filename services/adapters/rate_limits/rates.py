"""Rates, counted in Redis or Valkey so that all API processes share them, and in memory while that does not answer."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.adapters.rate_limits.together import Entry, TogetherStorage

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.25
QUIET_SECONDS = 5.0
MOST_CONNECTIONS = 50
SCHEMES = ("redis://", "rediss://")


class StoredRateLimits:
    """Port RateLimits. After a failure it counts in memory for a moment; one caller then tries the store again."""

    def __init__(self, url: str, budgets: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._budgets = {name: _parsed(budget) for name, budget in budgets.items() if budget}
        self._memory = _Counters(_Alone())
        self._pool = _pool(url) if url.startswith(SCHEMES) else None
        self._shared = _Counters(TogetherStorage(url, self._pool, TIMEOUT_SECONDS)) if self._pool else None
        self._clock = clock
        self._memory_until = 0.0
        self._is_shared = True

    async def hit(self, budget: str, who: str) -> float | None:
        return await self.hit_each((budget, who))

    async def hit_each(self, *counted: tuple[str, str]) -> float | None:
        hits = [_Hit(item, budget, _named(who)) for budget, who in counted if (item := self._budgets.get(budget))]
        if not hits:
            return None
        if self._shared is None or self._clock() < self._memory_until:
            return await self._memory.hit(hits)
        if not self._is_shared:
            self._memory_until = self._clock() + QUIET_SECONDS
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                wait = await self._shared.hit(hits)
        except (RedisError, OSError, TimeoutError) as trouble:
            await self._go_to_memory(trouble)
            return await self._memory.hit(hits)
        self._is_shared, self._memory_until = True, 0.0
        return wait

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.disconnect()

    async def _go_to_memory(self, trouble: Exception) -> None:
        """The next look is on a new connection: an old one may lead to a store that is a copy by now."""
        if self._is_shared:
            log.warning("rates are counted in memory", reason=type(trouble).__name__)
        self._is_shared, self._memory_until = False, self._clock() + QUIET_SECONDS
        if self._pool is not None:
            with suppress(RedisError, OSError, TimeoutError):  # one that stands still says no goodbye either
                await self._pool.disconnect(inuse_connections=False)


@dataclass(frozen=True, slots=True)
class _Hit:
    """Of whom one is counted, and what he may."""

    item: RateLimitItem
    budget: str
    who: str

    @property
    def entry(self) -> Entry:
        return self.item.key_for(self.budget, self.who), self.item.amount, self.item.get_expiry()


class _Counters:
    """What was counted in one storage."""

    def __init__(self, storage: "_Alone | TogetherStorage") -> None:
        self._storage = storage
        self._windows = SlidingWindowCounterRateLimiter(storage)

    async def hit(self, hits: Sequence[_Hit]) -> float | None:
        """Count each; the longest wait of those that are over."""
        are_in = await self._storage.acquire_each([hit.entry for hit in hits])
        return max([await self._wait(hit) for hit, is_in in zip(hits, are_in, strict=True) if not is_in], default=None)

    async def _wait(self, hit: _Hit) -> float:
        stats = await self._windows.get_window_stats(hit.item, hit.budget, hit.who)
        return max(1.0, math.ceil(stats.reset_time - time.time()))


class _Alone(MemoryStorage):
    """This process's own."""

    async def acquire_each(self, entries: Sequence[Entry]) -> list[bool]:
        return [await self.acquire_sliding_window_entry(*entry) for entry in entries]


def _named(who: str) -> str:
    """No user's id and no address is a key of the store."""
    return hashlib.sha256(who.encode("utf-8", "replace")).hexdigest()[:32]


def _parsed(budget: str) -> RateLimitItem:
    try:
        return parse(budget)
    except ValueError:
        raise ValueError(f"not a rate: {budget!r}; write it like 120/minute, or leave it empty") from None


def _pool(url: str) -> ConnectionPool:
    """Who asks sets the deadline: the connection's own would take a task for each write."""
    return ConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        socket_timeout=None,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
