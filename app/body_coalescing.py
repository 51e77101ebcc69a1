"""The pieces of a request's body that came while its reader slept are handed over together."""

import asyncio
import weakref

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

ENOUGH_BYTES = 16 * 1024
LONGEST_SECONDS = 1.0


class Gathered(asyncio.Event):
    """What uvicorn sets for each piece that arrives, however small; waking the reader costs more than such a piece.

    The reader is woken for the first piece, for the end, for 16 KB, and for whatever is there a second after it was
    woken last: what a client that then falls silent has sent is no part of the silence.
    """

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._cycle = weakref.ref(cycle)  # which holds this
        self._time, self._call_later = loop.time, loop.call_later
        self._woken = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        waits = self._woken + LONGEST_SECONDS - self._time()
        if waits <= 0 or self._is_worth_it():
            self._wake()
        elif self._timer is None:
            self._timer = self._call_later(waits, self._wake)

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._woken = self._time()
        super().set()

    def _is_worth_it(self) -> bool:
        cycle = self._cycle()
        if cycle is None or not cycle.more_body or cycle.disconnected or cycle.response_complete:
            return True
        return len(cycle.body) >= ENOUGH_BYTES
