"""How the driver waits for what it waits for, where its own way harms us.

It takes the names that are replaced here from its modules; that they are there, and behave, is held by tests.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import pymongo.asynchronous.pool
import pymongo.lock
from pymongo import _csot
from pymongo.errors import ProtocolError, _OperationCancelled
from pymongo.message import _UNPACK_REPLY, _OpMsg

T = TypeVar("T")

LOOK_SECONDS = 0.5


def mend() -> None:
    """For every client of the process; once more changes nothing."""
    pymongo.lock.wait_for = _wait_for  # type: ignore[attr-defined, assignment]
    pymongo.asynchronous.pool.async_receive_message = _receive  # type: ignore[attr-defined, assignment]


async def _wait_for(waiting: Awaitable[T], seconds: float | None) -> T:
    """As Python 3.12 and later do.

    A `wait_for` of Python 3.11 that is cancelled after its time was up leaves what it waited for running. The driver
    waits like this for a server while there is none, and what then goes on is a lock being taken, for nobody: each
    later call of the process would wait for it for ever.
    """
    async with asyncio.timeout(seconds):
        return await waiting


async def _receive(connection: Any, request_id: int | None, most_bytes: int) -> _OpMsg:
    """A server's answer, read where it is waited for.

    The driver reads it in a task, looks in another whether the connection is given up, and waits for both to end: six
    more turns of the loop, in each of which all that is ready goes first.
    """
    try:
        async with asyncio.timeout(_seconds_left(connection)) as waiting:
            looking = _Looking(connection, waiting)
            try:
                data, kind = await connection.conn.get_conn.read(request_id, most_bytes)
            finally:
                looking.end()
    except TimeoutError:
        if connection.cancel_context.cancelled:
            raise _OperationCancelled("operation cancelled") from None
        raise TimeoutError("timed out") from None
    if kind not in _UNPACK_REPLY:
        raise ProtocolError(f"Got opcode {kind!r} but expected {_UNPACK_REPLY.keys()!r}")
    return _UNPACK_REPLY[kind](data)


def _seconds_left(connection: Any) -> float | None:
    if _csot.get_timeout():
        deadline = _csot.get_deadline()
        return max(deadline - time.monotonic(), 0.0) if deadline else None
    return connection.conn.gettimeout or None


class _Looking:
    """Ends the waiting once the driver has given the connection up, which it only notes."""

    def __init__(self, connection: Any, waiting: asyncio.Timeout) -> None:
        self._context, self._waiting = connection.cancel_context, waiting
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        if self._waiting.expired():
            return
        if self._context.cancelled:
            self._waiting.reschedule(self._loop.time())
        else:
            self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def end(self) -> None:
        self._timer.cancel()
