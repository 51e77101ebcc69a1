"""When who listens to a recording while it arrives is rung for: once there may be enough for another stretch.

Who has listened says with how many bytes the next one is due. How long that one will be nobody knows before it is cut,
but no shorter than a stretch may be; so that is when the store is asked again, counted from when this one was due.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from services.interviews.model import PartId
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import Listened
from services.recordings.ports.workers import Doorbell

# The first stretch is due by then, another one no sooner than that.
FIRST_SECONDS, LEAST_SECONDS, USUAL_BYTES_A_SECOND = 16.0, 9.0, 8_000
# What comes with fewer bytes a second than before is waited for no longer than so.
LATE_SECONDS = 2.0
# What arrives much faster than it is spoken is not rung for with each stretch.
BETWEEN_SECONDS = 1.0
# Many that began together are due together: so many are asked about in one, and then others have their turn.
RINGS_AT_ONCE, BETWEEN_LOTS_SECONDS = 20, 0.05
NOTHING = -1


@dataclass(slots=True, kw_only=True)
class Ringing:
    """`listened` asks the store, `start` runs what goes on beside; while it is `closing` nobody rests."""

    listened: Callable[[Collection[PartId]], Awaitable[Mapping[PartId, Listened]]]
    doorbell: Doorbell
    start: Callable[[Awaitable[None]], asyncio.Future[None]]
    closing: asyncio.Event
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[PartId, tuple[Known, int]] = field(default_factory=dict, init=False)
    _working: asyncio.Future[None] | None = field(default=None, init=False)

    def kept(self, known: Known) -> None:
        """Something more has been received."""
        now, is_first = self.clock(), known.ring_at is None
        is_late = known.ring_at is not None and now >= known.ring_at
        if not (is_first or is_late or (known.offset >= known.ring_with and now >= known.ring_after)):
            return
        waited_for = known.ring_with if is_late else NOTHING
        _look_again(known, now, FIRST_SECONDS, known.offset + round(FIRST_SECONDS * USUAL_BYTES_A_SECOND))
        if not is_first:
            self._waiting[known.arriving.part.id] = known, waited_for
            if self._working is None or self._working.done():
                self._working = self.start(self._work())

    async def _work(self) -> None:
        """A ring too many costs a question."""
        while lot := list(islice(self._waiting, RINGS_AT_ONCE)):
            asked = {id: self._waiting.pop(id) for id in lot}
            for id, listened in (await self.listened(lot)).items():
                if self._is_due(listened, *asked[id]):
                    await self.doorbell.transcribe(id, first=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), BETWEEN_LOTS_SECONDS)

    def _is_due(self, listened: Listened, known: Known, waited_for: int) -> bool:
        """Whether to ring; and when to look again."""
        now, due, offset = self.clock(), listened.due, known.offset
        a_second = listened.seen / listened.seconds if listened.seconds else USUAL_BYTES_A_SECOND
        if due > offset and due != waited_for:
            _look_again(known, now, min((due - offset) / a_second, FIRST_SECONDS) + LATE_SECONDS, due, between=0.0)
            return False
        since = due if 0 < due < offset and due != known.rung_for else offset
        known.rung_for = due
        _look_again(known, now, LEAST_SECONDS + LATE_SECONDS, since + round(LEAST_SECONDS * a_second))
        return True


def _look_again(known: Known, now: float, within: float, offset: int, between: float = BETWEEN_SECONDS) -> None:
    known.ring_with, known.ring_at, known.ring_after = offset, now + within, now + between
