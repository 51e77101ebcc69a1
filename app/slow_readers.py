"""A bound on clients that take nothing of what they are sent: their answers would wait in memory for ever."""

import asyncio
from typing import Any

IDLE_SECONDS = 20.0
LEAVING_SECONDS = 1.0


class Draining:
    """For a server's protocol: hangs up on a client that has taken no byte for a while, sooner on the way out."""

    transport: Any
    loop: asyncio.AbstractEventLoop
    _draining: asyncio.TimerHandle | None = None
    _left = 0

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self._watch(IDLE_SECONDS)

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

    def _watch(self, seconds: float) -> None:
        self._stop_watching()
        self._left = self.transport.get_write_buffer_size()
        self._draining = self.loop.call_later(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        if self.transport.get_write_buffer_size() < self._left:
            self._watch(seconds)
        else:
            self._draining = None
            self.transport.abort()

    def _stop_watching(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
