"""Shares a few threads, one a core, among all answers that are being read.

A short answer takes one core. The windows of a long one take every core that
is idle; once others wait, all take turns. Windows of about the same length
that wait for the same core are read together.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import ceil

from services.adapters.local_speech.tasks import Reading, Task

MOST_TOGETHER = 4

Read = Callable[[Sequence[Task]], list[Reading]]


@dataclass(eq=False, slots=True)
class Turn:
    """How many windows of an answer are being read, and since when it waits for the next one to begin."""

    reading: int = 0
    since: int | None = None


@dataclass(eq=False, slots=True)
class _Waiting:
    turn: Turn
    task: Task
    read: Read
    number: int
    done: asyncio.Future[Reading]
    alone: bool = False

    def goes_with(self, other: "_Waiting") -> bool:
        return not self.alone and not other.alone and self.task.goes_with(other.task)


class Lanes:
    """Never more at work than there are slots, whatever the answers are."""

    def __init__(self, threads: ThreadPoolExecutor, slots: int) -> None:
        self._threads = threads
        self._idle = slots
        self._numbers = count()
        self._waiting: list[_Waiting] = []

    async def read(self, turn: Turn, task: Task, read: Read) -> Reading:
        """The reading of a window, once it is the answer's turn; whoever stops waiting is left out."""
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        turn.since = number if turn.since is None else turn.since
        waiting = _Waiting(turn, task, read, number, loop.create_future())
        self._waiting.append(waiting)
        loop.call_soon(self._begin)
        return await waiting.done

    def _begin(self) -> None:
        while self._idle and (batch := self._next()):
            self._idle -= 1
            for one in batch:
                one.turn.reading += 1
                one.turn.since = next(self._numbers)
            act = partial(batch[0].read, [one.task for one in batch])
            try:
                reading = asyncio.get_running_loop().run_in_executor(self._threads, act)
            except RuntimeError as error:  # the threads are closed
                self._end(batch, error)
            else:
                reading.add_done_callback(partial(self._ended, batch))

    def _next(self) -> list[_Waiting]:
        """Who waits longest goes first, with as many others as leave enough for the other idle cores."""
        self._waiting = [one for one in self._waiting if not one.done.done()]
        if not self._waiting:
            return []
        ranked = sorted(self._waiting, key=lambda one: (one.turn.reading, one.turn.since, one.number))
        fitting = [one for one in ranked if one is ranked[0] or one.goes_with(ranked[0])]
        batch = fitting[: min(MOST_TOGETHER, ceil(len(fitting) / self._idle))]
        self._waiting = [one for one in self._waiting if one not in batch]
        return batch

    def _ended(self, batch: list[_Waiting], reading: asyncio.Future[list[Reading]]) -> None:
        error = asyncio.CancelledError() if reading.cancelled() else reading.exception()
        self._end(batch, error or reading.result())
        self._begin()

    def _end(self, batch: list[_Waiting], outcome: BaseException | list[Reading]) -> None:
        self._idle += 1
        for number, one in enumerate(batch):
            one.turn.reading -= 1
            if isinstance(outcome, list):
                _give(one.done, outcome[number])
            elif len(batch) > 1 and isinstance(outcome, Exception):
                one.alone = True  # one window that cannot be read spoils no other
                self._waiting.append(one)
            else:
                _fail(one.done, outcome)


def _give(done: asyncio.Future[Reading], reading: Reading) -> None:
    if not done.done():
        done.set_result(reading)


def _fail(done: asyncio.Future[Reading], error: BaseException) -> None:
    if done.done():
        return
    if isinstance(error, asyncio.CancelledError):
        done.cancel()
    else:
        done.set_exception(error)
