"""Which tasks are begun while something is done."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def new_tasks() -> Iterator[list["asyncio.Task[Any]"]]:
    loop, begun = asyncio.get_running_loop(), list[asyncio.Task[Any]]()

    def begin(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> "asyncio.Task[Any]":
        begun.append(asyncio.Task(work, loop=loop, **named))
        return begun[-1]

    before = loop.get_task_factory()
    loop.set_task_factory(begin)
    try:
        yield begun
    finally:
        loop.set_task_factory(before)
