"""The pieces of a request's body that came while its reader slept are handed over together."""

import asyncio
import weakref

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

ENOUGH_BYTES = 16 * 1024
LONGEST_SECONDS = 1.0


class Gathered(asyncio.Event):
    """What uvicorn sets for each piece that arrives, however small; waking the reader costs more than such a piece.

    The reader is woken for the first piece, for the end, for 16 KB, and by whatever arrives a second after it was
    woken last.
    """

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._cycle = weakref.ref(cycle)  # which holds this
        self._clock = loop.time
        self._woken = float("-inf")

    def set(self) -> None:
        now = self._clock()
        if now - self._woken >= LONGEST_SECONDS or self._is_worth_it():
            self._woken = now
            super().set()

    def _is_worth_it(self) -> bool:
        cycle = self._cycle()
        if cycle is None or not cycle.more_body or cycle.disconnected or cycle.response_complete:
            return True
        return len(cycle.body) >= ENOUGH_BYTES
