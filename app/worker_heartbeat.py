"""A worker's signs of life, and the end of one that can give none."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable

import structlog

from services.background import Background, Kind
from services.errors import StoreUnavailable

log = structlog.get_logger(__name__)

SIGN_SECONDS = 5.0
LAST_SECONDS = 30.0


class Signs:
    """Given on the loop, and watched from a thread, because a loop that stands still does not notice it.

    A worker that could give none for `silent_seconds` ends itself, in order if it still can, so that whatever keeps it
    running starts it anew.
    """

    def __init__(
        self, give: Callable[[], Awaitable[None]], silent_seconds: float, background: Background | None = None
    ) -> None:
        self._give = give
        self._background = background or Background()
        self._most = silent_seconds
        self._every = min(SIGN_SECONDS, silent_seconds / 4)
        self._silence = 0.0
        self.gave_up = False
        self._over = threading.Event()
        self._giving: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Give the first one, and go on."""
        await self._try()
        self._giving = self._background.start(Kind.SIGNS, self._go_on)
        threading.Thread(target=self._watch, name="signs", daemon=True).start()

    def end(self) -> None:
        """The worker stops: no more signs, and nobody misses them."""
        self._over.set()
        if self._giving is not None:
            self._giving.cancel()

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._try()

    async def _try(self) -> None:
        try:
            await self._give()
        except StoreUnavailable:
            log.warning("no sign of life could be given")
        else:
            self._silence = 0.0

    def _watch(self) -> None:
        # It counts its turns, not the clock's: who was stopped is not to blame for the time.
        while not self._over.wait(self._every):
            self._silence += self._every
            if self._silence > self._most:
                log.error("no sign of life for long; the worker ends", seconds=self._most)
                self.gave_up = True
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(min(LAST_SECONDS, self._most / 2))
                os._exit(1)
