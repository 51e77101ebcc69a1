"""Whose chunks are made next: those of one recording at a time.

Many that began together fill their chunks together. Making them in one go would take the store and this process from
everybody else for seconds; so whoever has filled one only waits for a turn, and between two turns others have theirs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.recordings.known_arrivals import Known

# After a turn others have so many times as long as it took.
REST, MOST_REST_SECONDS = 3.0, 0.1


@dataclass(slots=True, kw_only=True)
class FoldingTurns:
    """`fold` makes the chunks of one, `start` runs what goes on beside; while it is `closing` nobody rests."""

    fold: Callable[[Known], Awaitable[None]]
    start: Callable[[Awaitable[None]], asyncio.Future[None]]
    closing: asyncio.Event
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[int, Known] = field(default_factory=dict, init=False)
    _behind: dict[int, Known] = field(default_factory=dict, init=False)
    _working: asyncio.Future[None] | None = field(default=None, init=False)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def ask(self, known: Known) -> None:
        """A turn for who has filled a chunk; soon, for who has filled more than one."""
        if known.folding is None:
            known.folding = asyncio.get_running_loop().create_future()
            self._waiting[id(known)] = known
        if known.full_chunks > 1 and id(known) in self._waiting:
            self._behind[id(known)] = self._waiting.pop(id(known))
            self.hurry()
        if self._working is None or self._working.done():
            self._working = self.start(self._work())

    def hurry(self) -> None:
        """Who waits has a turn at once."""
        self._hurry.set()

    async def _work(self) -> None:
        while lot := self._behind or self._waiting:
            known, begun = lot.pop(next(iter(lot))), self.clock()
            await self._turn(known)
            if not self._behind:
                await self._rest(self.clock() - begun)

    async def _turn(self, known: Known) -> None:
        try:
            await self.fold(known)
        finally:
            if known.folding is not None:
                known.folding.set_result(None)
                known.folding = None

    async def _rest(self, taken: float) -> None:
        self._hurry.clear()
        with suppress(TimeoutError):
            if not self.closing.is_set():
                await asyncio.wait_for(self._hurry.wait(), min(REST * taken, MOST_REST_SECONDS))
