"""What goes on beside the requests of recordings that arrive: folding them, noting that they are heard of, and ringing
for who listens to them.

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
from services.recordings.folding_turns import FoldingTurns
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import ArrivalRecords
from services.recordings.ports.workers import Doorbell
from services.recordings.ringing import Ringing

log = structlog.get_logger(__name__)

HEARD_SECONDS, TELL_SECONDS = 30.0, 1.0
GROWN_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Tending:
    records: ArrivalRecords
    folding: Folding
    doorbell: Doorbell
    grown: Callable[[PartId], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    _turns: FoldingTurns = field(init=False)
    _ringing: Ringing = field(init=False)
    _to_tell: set[PartId] = field(default_factory=set, init=False)
    _closing: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._turns = FoldingTurns(fold=self._fold, start=self._start, closing=self._closing, clock=self.clock)
        self._ringing = Ringing(
            listened=lambda ids: self.records.listened(ids),
            doorbell=self.doorbell,
            start=self._start,
            closing=self._closing,
            clock=self.clock,
        )

    def kept(self, known: Known) -> None:
        """Something more has been received."""
        now, id = self.clock(), known.arriving.part.id
        if abs(now - known.heard_at) >= HEARD_SECONDS:
            known.heard_at = now
            self._to_tell.add(id)
            if len(self._to_tell) == 1:
                self._start(self._tell())
        if known.full_chunks > 0:
            self._turns.ask(known)
        if now - known.told_at >= GROWN_SECONDS:
            known.told_at = now
            self.grown(id)
        self._ringing.kept(known)

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
        await _tried(self._folded(known))

    async def _folded(self, known: Known) -> None:
        while known.full_chunks > 0:
            folded = (await self.folding.whole_chunks(known.arriving, known.offset)).folded
            if folded <= known.arriving.folded:
                break
            known.arriving = replace(known.arriving, folded=folded)

    def _start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_tried(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let it come to its end, for a moment; what waits to be told is told now."""
        self._closing.set()
        self._turns.hurry()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TELL_SECONDS + 1.0)
        self._closing.clear()


async def _tried(work: Awaitable[None]) -> None:
    """What is repeated by the next one, should it not come to its end."""
    try:
        await work
    except StoreUnavailable:
        log.warning("an arrival is to be tended again")
    except Problem as problem:
        log.warning("an arrival cannot be tended", code=problem.code)
    except Exception:  # others have their turns all the same
        log.exception("an arrival cannot be tended")
