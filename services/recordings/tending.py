"""What goes on beside the requests of recordings that arrive: folding them, and noting that they are heard of.

Nothing depends on it: what is cut short is repeated by the next piece, by who finishes, or by the sweep.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from services.errors import Problem, StoreUnavailable
from services.interviews.model import PartId
from services.recordings.folding import Folding
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import ArrivalRecords

log = structlog.get_logger(__name__)

HEARD_SECONDS, TELL_SECONDS = 30.0, 1.0
FOLDS_AT_ONCE = 4


@dataclass(slots=True, kw_only=True)
class Tending:
    records: ArrivalRecords
    folding: Folding
    clock: Callable[[], float] = time.monotonic
    _folds: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FOLDS_AT_ONCE), init=False)
    _to_tell: set[PartId] = field(default_factory=set, init=False)
    _closing: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def kept(self, known: Known) -> None:
        """Something more has been received."""
        now, id = self.clock(), known.arriving.part.id
        if abs(now - known.heard_at) >= HEARD_SECONDS:
            known.heard_at = now
            self._to_tell.add(id)
            if len(self._to_tell) == 1:
                self._start(self._tell())
        if known.folding is None and known.is_unfolded:
            known.folding = self._start(self._fold(known))

    async def _tell(self) -> None:
        """One write says it of all that were heard of within a second."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), TELL_SECONDS)
        ids, self._to_tell = self._to_tell, set()
        await self.records.heard(ids)

    async def _fold(self, known: Known) -> None:
        try:
            async with self._folds:
                while known.is_unfolded:
                    folded = (await self.folding.whole_chunks(known.arriving, known.offset)).folded
                    if folded <= known.arriving.folded:
                        break
                    known.arriving = replace(known.arriving, folded=folded)
        finally:
            known.folding = None

    def _start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """What is repeated by the next one, should it not come to its end."""

        async def tried() -> None:
            try:
                await work
            except StoreUnavailable:
                log.warning("an arrival is to be tended again")
            except Problem as problem:
                log.warning("an arrival cannot be tended", code=problem.code)

        task = asyncio.create_task(tried())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let it come to its end, for a moment; what waits to be told is told now."""
        self._closing.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TELL_SECONDS + 1.0)
        self._closing.clear()
