"""How many calls go to a server that says when it has had enough.

One refusal stops the whole process until the moment that it names. Then calls
begin again, at first one by one; each round of answers lets one more go side by
side, and each further refusal only half as many (as in TCP).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import TypeVar

import structlog

from services.errors import Problem
from services.retry_after import LONGEST_WAIT, longer

log = structlog.get_logger(__name__)

FIRST_PAUSE = 2.0
JITTER = 0.1
MOST_JITTER = 5.0

T = TypeVar("T")


class Throttle:
    """Of one server, for all calls of this process; `busy` is what they raise where the server refuses them for now."""

    def __init__(self, busy: type[Problem], chance: Callable[[], float] = random.random) -> None:
        self._busy = busy
        self._chance = chance
        self._closed_until = -inf
        self._most = inf
        self._cap = inf
        self._inside = 0
        self._in_a_row = 0
        self._changed = asyncio.Event()

    @property
    def pause(self) -> float:
        """The seconds until a call may begin."""
        return max(0.0, self._closed_until - asyncio.get_running_loop().time())

    def limit(self, most: int) -> None:
        """At most so many turns at once, whatever the server says."""
        self._cap = most
        self._changed.set()

    @asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[bool]:
        """Room for the work around a call; False where there is none within so many seconds."""
        came = await self._comes(patience)
        self._inside += came
        try:
            yield came
        finally:
            self._inside -= came
            self._changed.set()

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the server answers; during a pause it is not asked, and that is the same as being refused."""
        if self.pause:
            raise self._busy(retry_after=self.pause)
        try:
            answer = await ask()
        except self._busy as problem:
            self._refused(problem.retry_after)
            raise self._busy(str(problem), retry_after=self.pause) from None
        self._in_a_row = 0
        self._most += 1 / self._most
        self._changed.set()
        return answer

    async def _comes(self, patience: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.pause or self._inside + 1 > min(self._most, self._cap):
                    await self._change()
                return True
        return False

    async def _change(self) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.pause or None):
                await self._changed.wait()

    def _refused(self, seconds: float | None) -> None:
        if not self.pause:  # else it was under way when the first was refused
            self._most = max(1.0, self._most / 2) if self._most < inf else 1.0
            self._in_a_row += 1
        wait = min(longer(FIRST_PAUSE, self._in_a_row) if seconds is None else seconds, LONGEST_WAIT)
        wait += self._chance() * min(JITTER * wait, MOST_JITTER)
        self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + wait)
        log.warning("calls paused", seconds=round(wait, 1), side_by_side=int(self._most))
