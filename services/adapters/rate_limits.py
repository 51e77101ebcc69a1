"""Rates, counted in Redis or Valkey so that all API processes share them, and in memory while that does not answer."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Mapping

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.25
QUIET_SECONDS = 5.0
MOST_CONNECTIONS = 50
SCHEMES = ("redis://", "rediss://")


class StoredRateLimits:
    """Port RateLimits. After a failure it counts in memory for a moment; one caller then tries the store again."""

    def __init__(self, url: str, budgets: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._budgets = {name: _parsed(budget) for name, budget in budgets.items() if budget}
        self._memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._pool = _pool(url) if url.startswith(SCHEMES) else None
        self._shared = SlidingWindowCounterRateLimiter(_storage(url, self._pool)) if self._pool else None
        self._clock = clock
        self._memory_until = 0.0
        self._is_shared = True

    async def hit(self, budget: str, who: str) -> float | None:
        item = self._budgets.get(budget)
        if item is None:
            return None
        who = _named(who)
        if self._shared is None or self._clock() < self._memory_until:
            return await _hit(self._memory, item, budget, who)
        if not self._is_shared:
            self._memory_until = self._clock() + QUIET_SECONDS
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                wait = await _hit(self._shared, item, budget, who)
        except (RedisError, OSError, TimeoutError) as trouble:
            self._go_to_memory(trouble)
            return await _hit(self._memory, item, budget, who)
        self._is_shared, self._memory_until = True, 0.0
        return wait

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.disconnect()

    def _go_to_memory(self, trouble: Exception) -> None:
        if self._is_shared:
            log.warning("rates are counted in memory", reason=type(trouble).__name__)
        self._is_shared, self._memory_until = False, self._clock() + QUIET_SECONDS


async def _hit(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, budget: str, who: str) -> float | None:
    if await limiter.hit(item, budget, who):
        return None
    stats = await limiter.get_window_stats(item, budget, who)
    return max(1.0, math.ceil(stats.reset_time - time.time()))


def _named(who: str) -> str:
    """No user's id and no address is a key of the store."""
    return hashlib.sha256(who.encode("utf-8", "replace")).hexdigest()[:32]


def _parsed(budget: str) -> RateLimitItem:
    try:
        return parse(budget)
    except ValueError:
        raise ValueError(f"not a rate: {budget!r}; write it like 120/minute, or leave it empty") from None


def _pool(url: str) -> ConnectionPool:
    return ConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _storage(url: str, pool: ConnectionPool) -> RedisStorage:
    options: dict[str, object] = {"connection_pool": pool}
    return RedisStorage(f"async+{url}", implementation="redispy", key_prefix="RATES", **options)  # type: ignore[arg-type]
