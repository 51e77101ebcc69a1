"""A figure that may be a second old, or some: one asks the store for all who want to know."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

FRESH_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Lately(Generic[T]):
    """What `read` gave last, read again where that is older than a second, or as many as are said."""

    read: Callable[[], Awaitable[T]]
    clock: Callable[[], float] = time.monotonic
    seconds: float = FRESH_SECONDS
    _reading: asyncio.Task[T] | None = field(default=None, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _before: tuple[T, float] | None = field(default=None, init=False)

    @property
    def is_fresh(self) -> bool:
        """Whether it is known, or being read; what could not be read is not known."""
        return self._reading is not None and self.clock() < self._until and not _has_failed(self._reading)

    def look(self) -> None:
        """Begin to read where what is known is old; nobody waits."""
        if not self.is_fresh:
            if self._reading is not None and self._reading.done() and not _has_failed(self._reading):
                self._before = self._reading.result(), self._until + self.seconds
            self._until = self.clock() + self.seconds
            self._reading = asyncio.ensure_future(self.read())
            self._reading.add_done_callback(_heeded)

    async def again(self) -> T:
        """The figure as it is now, which is then known for a while."""
        self._until = float("-inf")
        return await self.get()

    async def get(self) -> T:
        """The figure, or the error of reading it; it is read on for others where the caller is cancelled."""
        self.look()
        assert self._reading is not None  # noqa: S101  look has begun it
        return await asyncio.shield(self._reading)

    async def roughly(self) -> T:
        """The figure; while it is read again, the one before it, unless that is twice as old as it should be."""
        self.look()
        assert self._reading is not None  # noqa: S101  look has begun it
        if not self._reading.done() and self._before is not None and self.clock() < self._before[1]:
            return self._before[0]
        return await asyncio.shield(self._reading)


def _has_failed(reading: asyncio.Task[T]) -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)


def _heeded(reading: asyncio.Task[T]) -> None:
    """An error that nobody waited for is no news."""
    if not reading.cancelled():
        reading.exception()
