"""Shares a few threads, one a core, among all answers that are being read.

A short answer takes one core. The tasks of a long one take every core that is
idle; once others wait, all take turns. What somebody is saying goes first, but
of so many tasks in a row one is another's.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")
MOST_IN_A_ROW = 3


@dataclass(eq=False, slots=True)
class Turn:
    """How many tasks of an answer are being read, and since when it waits for the next one to begin."""

    is_first: bool = False
    reading: int = 0
    since: int | None = None


@dataclass(eq=False, slots=True)
class _Waiting:
    turn: Turn
    act: Callable[[], Any]
    number: int
    done: asyncio.Future[Any]


class Scheduler:
    """Never more at work than there are slots, whatever the answers are."""

    def __init__(self, threads: ThreadPoolExecutor, slots: int) -> None:
        self._threads = threads
        self._idle = slots
        self._numbers = count()
        self._waiting: list[_Waiting] = []
        self._in_a_row = 0

    async def run(self, turn: Turn, act: Callable[[], T]) -> T:
        """What the act gives, once it is the answer's turn; whoever stops waiting is left out."""
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        turn.since = number if turn.since is None else turn.since
        waiting = _Waiting(turn, act, number, loop.create_future())
        self._waiting.append(waiting)
        loop.call_soon(self._begin)
        result: T = await waiting.done
        return result

    def _begin(self) -> None:
        while self._idle and (one := self._next()):
            self._idle -= 1
            one.turn.reading += 1
            one.turn.since = next(self._numbers)
            try:
                acting = asyncio.get_running_loop().run_in_executor(self._threads, one.act)
            except RuntimeError as error:  # the threads are closed
                self._end(one, error, None)
            else:
                acting.add_done_callback(partial(self._ended, one))

    def _next(self) -> _Waiting | None:
        """Who has least in work and waits longest, of those who go first now."""
        self._waiting = [one for one in self._waiting if not one.done.done()]
        if not self._waiting:
            return None
        first = min(self._whose_turn(), key=lambda one: (one.turn.reading, one.turn.since, one.number))
        self._waiting.remove(first)
        return first

    def _whose_turn(self) -> list[_Waiting]:
        first, others = ([one for one in self._waiting if one.turn.is_first is is_first] for is_first in (True, False))
        if not first or (others and self._in_a_row >= MOST_IN_A_ROW):
            self._in_a_row = 0
            return others
        self._in_a_row += bool(others)
        return first

    def _ended(self, one: _Waiting, acting: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError() if acting.cancelled() else acting.exception()
        self._end(one, error, None if error else acting.result())
        self._begin()

    def _end(self, one: _Waiting, error: BaseException | None, result: Any) -> None:
        self._idle += 1
        one.turn.reading -= 1
        if one.done.done():
            return
        if isinstance(error, asyncio.CancelledError):
            one.done.cancel()
        elif error is not None:
            one.done.set_exception(error)
        else:
            one.done.set_result(result)
