"""Rates, counted in Redis or Valkey so that all API processes share them, and in memory while that does not answer."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

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


class _Together(RedisStorage):
    """The library's storage, whose hits of one moment travel together: a request has several, others theirs."""

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, **options)
        self._waiting: list[_Asked] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        current = self.bridge.prefixed_key(self._current_window_key(key))
        previous = self.bridge.prefixed_key(self._previous_window_key(key))
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        asked = _Asked((previous, current), (limit, expiry, amount), asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        return await asked.answer

    def _send(self) -> None:
        asked, self._waiting = self._waiting, []
        sending = asyncio.ensure_future(self._ask(asked))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _ask(self, asked: "list[_Asked]") -> None:
        bridge: Any = self.bridge
        script = bridge.lua_acquire_sliding_window
        together = bridge.get_connection().pipeline(transaction=False)
        for one in asked:
            together.evalsha(script.sha, len(one.keys), *one.keys, *one.arguments)
        try:
            answers = await together.execute(raise_on_error=False)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                answers = [await script(list(one.keys), list(one.arguments)) for one in asked]
        except Exception as trouble:
            answers = [trouble] * len(asked)
        for one, answer in zip(asked, answers, strict=True):
            if one.answer.done():
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(bool(answer))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One hit, and where its answer goes."""

    keys: tuple[str, str]
    arguments: tuple[int, int, int]
    answer: asyncio.Future[bool]


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
    return _Together(f"async+{url}", implementation="redispy", key_prefix="RATES", **options)
