"""A process that goes on one call at a time, when a test lets it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from services.errors import Problem, StoreUnavailable
from tests.faults import Fault
from tests.in_memory import Interior
from tests.processes import Died, seen_by
from tests.virtual_time import VirtualLoop

Work = Callable[[Interior], Coroutine[Any, Any, Any]]
EXPECTED = (Problem, Died, asyncio.CancelledError, OSError)


class Actor:
    """Stands still before each call of a port, but for its heartbeats, unless it is frozen."""

    def __init__(self, loop: VirtualLoop, house: Interior, work: Work, heard: Callable[["Actor", Any], None]) -> None:
        self.frozen = False
        self.fault: Fault | None = None
        self._dead = False
        self._loop, self._heard = loop, heard
        self._waiting: list[asyncio.Future[None]] = []
        self._task = loop.create_task(work(seen_by(self, house, "ears", "scorer")))
        loop.settle()

    @property
    def is_over(self) -> bool:
        return self._task.done()

    async def before(self, call: str) -> int:
        if self.frozen or call != "claims.beat":
            await self._turn()
        if self._dead:
            raise Died
        self._may_fail(Fault.REFUSED)
        return 0

    async def after(self, call: str, number: int) -> None:
        if self._dead:
            raise Died
        self._may_fail(Fault.UNCONFIRMED)

    def go_on(self, steps: int) -> None:
        """Let it make so many calls, or fewer if it is over before."""
        for _ in range(steps):
            waiting, self._waiting = self._waiting, []
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)
            self._loop.settle()
        self._look()

    def cancel(self) -> None:
        self._task.cancel()
        self._loop.settle()
        self._look()

    def crash(self) -> None:
        """From here on nothing of it has an effect."""
        self._dead = True
        self.cancel()

    async def _turn(self) -> None:
        if not self._dead:
            self._waiting.append(turn := self._loop.create_future())
            await turn

    def _may_fail(self, fault: Fault) -> None:
        if self.fault is fault:
            self.fault = None
            raise StoreUnavailable

    def _look(self) -> None:
        if not self._task.done():
            return
        trouble = None if self._task.cancelled() else self._task.exception()
        if trouble is not None and not isinstance(trouble, EXPECTED):
            raise trouble
        if trouble is None and not self._task.cancelled():
            self._heard(self, self._task.result())
