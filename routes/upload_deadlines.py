"""How long an upload is waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect

from services.errors import ServerLeaving, UploadStalled, UploadTruncated

LAST_SECONDS = 1.5
TOO_SLOW = "The upload arrived too slowly. Send it again over a better connection."


class Departure:
    """The server's stop, which ends uploads that would not end by themselves a moment before they would be cut off.

    What goes on elsewhere from where it stands is asked to leave at once.
    """

    def __init__(self) -> None:
        self.is_over = self.has_begun = False
        self._begun = False
        self._ends: set[Callable[[], None]] = set()
        self._goodbyes: set[Callable[[], None]] = set()

    def begin(self, seconds: float | None) -> None:
        """The server waits for so long before it cuts off what still arrives; without end if None."""
        self.has_begun = True
        for leave in list(self._goodbyes):
            leave()
        if not self._begun and seconds is not None:
            self._begun = True
            asyncio.get_running_loop().call_later(seconds - min(LAST_SECONDS, seconds / 2), self._end)

    @contextmanager
    def goodbye(self, leave: Callable[[], None]) -> Iterator[None]:
        """Call `leave` as soon as the stop begins, which it may have."""
        self._goodbyes.add(leave)
        try:
            if self.has_begun:
                leave()
            yield
        finally:
            self._goodbyes.discard(leave)

    @contextmanager
    def heeded(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end` once it is over, if that comes before the end of the block."""
        self._ends.add(end)
        try:
            yield
        finally:
            self._ends.discard(end)

    def _end(self) -> None:
        self.is_over = True
        for end in list(self._ends):
            end()


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow an upload may be: the longest silence, and the least bytes a second over as long a time."""

    idle_seconds: float
    least_rate: float
    departure: Departure = field(default_factory=Departure)


async def patient(body: AsyncIterator[bytes], patience: Patience) -> AsyncIterator[bytes]:
    """The pieces of a body; only the time that is spent waiting for the client counts.

    UploadStalled if it is too slow, UploadTruncated if the client is gone, ServerLeaving if the server stops.
    """
    clock, waited, got = asyncio.get_running_loop().time, 0.0, 0
    silence = _Silence(patience.idle_seconds)
    with patience.departure.heeded(silence.cut):
        try:
            while True:
                if patience.departure.is_over:
                    raise ServerLeaving
                began = silence.begins()
                try:
                    piece = await anext(body)
                except StopAsyncIteration:
                    return
                except ClientDisconnect:
                    raise UploadTruncated from None
                except asyncio.CancelledError:
                    if silence.was_cut():
                        raise (ServerLeaving if patience.departure.is_over else UploadStalled) from None
                    raise
                silence.restart()
                waited, got = waited + clock() - began, got + len(piece)
                if waited >= patience.idle_seconds:
                    if got < patience.least_rate * waited:
                        raise UploadStalled(TOO_SLOW)
                    waited, got = 0.0, 0
                yield piece
        finally:
            silence.ends()


class _Silence:
    """Cancels the task that waits where it does so for too long; each wait may be another task's.

    A timer for each piece would cost more than the piece: this one is set anew only when it goes off too early.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._seconds = seconds
        self._since: float | None = None
        self._has_cancelled = False
        self._timer = self._loop.call_later(seconds, self._look)

    def begins(self) -> float:
        task = asyncio.current_task()
        if task is not self._task:
            self._task, self._cancelling = task, task.cancelling() if task else 0
        self._since = self._loop.time()
        return self._since

    def restart(self) -> None:
        self._since = None

    def ends(self) -> None:
        self._timer.cancel()

    def cut(self) -> None:
        """End the wait now, if there is one."""
        if self._since is not None and self._task is not None and not self._has_cancelled:
            self._has_cancelled = True
            self._task.cancel()

    def was_cut(self) -> bool:
        """Whether a cancellation is due to this alone, which takes it back."""
        if not self._has_cancelled or self._task is None:
            return False
        return self._task.uncancel() <= self._cancelling

    def _look(self) -> None:
        lasts = 0.0 if self._since is None else self._loop.time() - self._since
        if lasts < self._seconds:
            self._timer = self._loop.call_later(self._seconds - lasts, self._look)
        else:
            self.cut()
