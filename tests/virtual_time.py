"""An event loop whose time passes only when a test says so."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
MANY = 30


class VirtualLoop(asyncio.SelectorEventLoop):
    now = 0.0

    def time(self) -> float:
        return self.now

    def settle(self) -> None:
        """Run all that can run at this moment."""
        self.run_until_complete(_many_turns())

    def close_all(self) -> None:
        """Cancel what still waits, and close."""
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self.settle()
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()


async def _many_turns() -> None:
    for _ in range(MANY):
        await asyncio.sleep(0)


class HurriedLoop(VirtualLoop):
    """Its time passes by itself: once nothing is left to do at a moment, the next one comes at once."""

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, work: Callable[..., T], *given: Any
    ) -> "asyncio.Future[T]":
        """What a thread would do is done at once, and takes no time."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(work(*given))
        except Exception as error:
            done.set_exception(error)
        return done

    @classmethod
    def runs(cls, work: Coroutine[Any, Any, T]) -> T:
        """What it gives; whatever still runs then is cancelled."""
        loop = cls()
        try:
            return loop.run_until_complete(work)
        finally:
            loop.close_all()


def hurried(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is played on such a loop: a pause in it is long enough, however slow the machine is."""

    @wraps(test)
    def played(*given: P.args, **named: P.kwargs) -> None:
        HurriedLoop.runs(test(*given, **named))

    return played
