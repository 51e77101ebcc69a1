"""Telling the operators how things stand; many who ask at once share one look."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.errors import StoreUnavailable
from services.operations.ports.gauges import Gauges
from services.operations.readings import Reading
from services.recordings.ports.workers import Doorbell

FRESH_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen; None where the store or the broker did not answer in time."""

    reading: Reading | None
    rings: int | None


@dataclass(slots=True, kw_only=True)
class Overview:
    gauges: Gauges
    doorbell: Doorbell
    clock: Callable[[], float] = time.monotonic
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _seen: Sight = field(default=Sight(None, None), init=False)
    _until: float = field(default=float("-inf"), init=False)

    async def look(self) -> Sight:
        """What is seen now, or was a moment ago; never raises for what cannot be reached."""
        async with self._lock:
            if self.clock() >= self._until:
                reading, rings = await asyncio.gather(self._reading(), self.doorbell.waiting())
                self._seen, self._until = Sight(reading, rings), self.clock() + FRESH_SECONDS
            return self._seen

    async def _reading(self) -> Reading | None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                return await self.gauges.read()
        except (StoreUnavailable, TimeoutError):
            return None
