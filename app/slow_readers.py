"""Bounds on clients that do not take what they are sent: their answers would wait in memory for ever."""

import asyncio
from typing import Any, ClassVar

IDLE_SECONDS = 20.0
LEAVING_SECONDS = 1.0
LEAST_BYTES_A_SECOND = 2048.0
MOST_UNREAD_BYTES = 256 * 1024 * 1024


class Draining:
    """For a server's protocol: hangs up on a client that takes too little, sooner on the way out.

    Where all that waits for slow clients is too much, those that have let it wait longest are hung up on.
    """

    unread: ClassVar[dict["Draining", None]] = {}
    transport: Any
    loop: asyncio.AbstractEventLoop
    _draining: asyncio.TimerHandle | None = None
    _left = 0

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self.unread[self] = None
        self._watch(IDLE_SECONDS)
        self._make_room()

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)  # type: ignore[misc]

    def shutdown(self) -> None:
        if self._draining is not None:
            self._watch(LEAVING_SECONDS)
        super().shutdown()  # type: ignore[misc]

    def _make_room(self) -> None:
        waits = {each: each.transport.get_write_buffer_size() for each in self.unread}
        total = sum(waits.values())
        for each, size in waits.items():
            if total <= MOST_UNREAD_BYTES or each is self:
                return
            each.transport.abort()
            total -= size

    def _watch(self, seconds: float) -> None:
        self._forget_timer()
        self._left = self.transport.get_write_buffer_size()
        self._draining = self.loop.call_later(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        if self._left - self.transport.get_write_buffer_size() >= LEAST_BYTES_A_SECOND * seconds:
            self._watch(seconds)
        else:
            self._forget_timer()
            self.transport.abort()

    def _stop_watching(self) -> None:
        self.unread.pop(self, None)
        self._forget_timer()

    def _forget_timer(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
