"""What goes on beside the requests of recordings that arrive: folding them, noting that they are heard of, and ringing
for who listens to them.

Nothing depends on it: what is cut short is repeated by the next piece, by who finishes, or by the sweep.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

import structlog

from services.errors import Problem, StoreUnavailable
from services.interviews.model import PartId
from services.recordings.folding import Folding
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import ArrivalRecords, Listened
from services.recordings.ports.workers import Doorbell

log = structlog.get_logger(__name__)

HEARD_SECONDS, TELL_SECONDS = 30.0, 1.0
STRETCH_SECONDS, LEAST_SECONDS, USUAL_BYTES_A_SECOND = 20.0, 14.0, 8_000
GROWN_SECONDS = 0.5
# What arrives much faster than it is spoken is not rung for with each stretch.
RING_SECONDS = 1.0
# Many that began together are due together: so many are asked about in one, and then others have their turn.
RINGS_AT_ONCE, BETWEEN_RINGS_SECONDS = 20, 0.05
FOLDS_AT_ONCE = 2


@dataclass(slots=True, kw_only=True)
class Tending:
    records: ArrivalRecords
    folding: Folding
    doorbell: Doorbell
    grown: Callable[[PartId], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    _folds: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FOLDS_AT_ONCE), init=False)
    _to_tell: set[PartId] = field(default_factory=set, init=False)
    _to_ring: dict[PartId, tuple[Known, bool]] = field(default_factory=dict, init=False)
    _ringing: asyncio.Task[None] | None = field(default=None, init=False)
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
        if now - known.told_at >= GROWN_SECONDS:
            known.told_at = now
            self.grown(id)
        if now >= known.ring_at or (known.offset >= known.ring_with and now >= known.ring_after):
            self._may_ring(known, now)

    def _may_ring(self, known: Known, now: float) -> None:
        is_first, is_late = not known.ring_with, now >= known.ring_at
        known.ring_with = known.offset + round(STRETCH_SECONDS * USUAL_BYTES_A_SECOND)
        known.ring_at, known.ring_after = now + STRETCH_SECONDS, now + RING_SECONDS
        if is_first:
            return
        self._to_ring[known.arriving.part.id] = known, is_late
        if self._ringing is None or self._ringing.done():
            self._ringing = self._start(self._ring())

    async def _ring(self) -> None:
        """For who listens, where there may be enough for a stretch; a ring too many costs a question."""
        while lot := list(islice(self._to_ring, RINGS_AT_ONCE)):
            due = {id: self._to_ring.pop(id) for id in lot}
            for id, listened in (await self.records.listened(lot)).items():
                known, is_late = due[id]
                await self._ring_for(known, listened, is_late=is_late)
            await self._pause(BETWEEN_RINGS_SECONDS)

    async def _ring_for(self, known: Known, seen: Listened, *, is_late: bool) -> None:
        a_second = seen.seen / seen.seconds if seen.seconds else USUAL_BYTES_A_SECOND
        known.ring_with = seen.due if seen.due > known.offset else known.offset + round(LEAST_SECONDS * a_second)
        if is_late or seen.due <= known.offset:
            await self.doorbell.transcribe(known.arriving.part.id, first=True)

    async def _tell(self) -> None:
        """One write says it of all that were heard of within a second."""
        await self._pause(TELL_SECONDS)
        ids, self._to_tell = self._to_tell, set()
        await self.records.heard(ids)

    async def _pause(self, seconds: float) -> None:
        """So long, but for who is closing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

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
