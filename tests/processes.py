"""Processes on one store, simulated: each sees the ports through a wrapper that can fail, die, or stand still."""

import asyncio
import copy
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Protocol

from tests.in_memory import Interior

PORTS = (
    "sessions", "uploads", "claims", "records", "closings", "audio", "upkeep", "doorbell", "interventions", "audit_log",
    "receipts", "journal", "leftovers", "holds", "retained", "utterances", "arriving", "pieces", "slices",
)  # fmt: skip


# What nobody waits for.
AT_ONCE = ("ears.follow",)


class Died(BaseException):
    """The process is gone: whatever of it still runs here has no effect any more."""


class Process(Protocol):
    """What surrounds each call of a port, and each piece of audio that is stored."""

    async def before(self, call: str) -> int:
        """The number of the call, which `after` is told."""

    async def after(self, call: str, number: int) -> None: ...


class Wrapped:
    """A port as one process sees it."""

    def __init__(self, inner: object, name: str, process: Process) -> None:
        self._inner, self._name, self._process = inner, name, process

    def __getattr__(self, method: str) -> Any:
        inner = getattr(self._inner, method)
        name = f"{self._name}.{method}"
        if inspect.isasyncgenfunction(inner):
            return partial(self._stream, name, inner)
        if inspect.isasyncgenfunction(getattr(inner, "__wrapped__", None)):
            return partial(self._opened, name, inner)
        if name in AT_ONCE:
            return inner
        return partial(self._call, name, inner) if callable(inner) else inner

    async def _call(self, name: str, inner: Callable[..., Awaitable[Any]], *args: Any, **more: Any) -> Any:
        if name == "audio.store":
            args = (args[0], self._arriving(args[1]), *args[2:])
        number = await self._process.before(name)
        result = await inner(*args, **more)
        await self._process.after(name, number)
        return result

    @asynccontextmanager
    async def _opened(self, name: str, inner: Callable[..., AbstractAsyncContextManager[Any]], *args: Any) -> Any:
        number = await self._process.before(name)
        async with inner(*args) as opened:
            yield opened
        await self._process.after(name, number)

    async def _stream(self, name: str, inner: Callable[..., AsyncIterator[bytes]], *args: Any) -> AsyncIterator[bytes]:
        number = await self._process.before(name)
        async for piece in inner(*args):
            yield piece
        await self._process.after(name, number)

    async def _arriving(self, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in data:
            number = await self._process.before("a piece")
            yield piece
            await self._process.after("a piece", number)


def bury(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A loop's handler of errors: what a process that died has left running is nobody's matter."""
    if not isinstance(context.get("exception"), Died):
        loop.default_exception_handler(context)


def seen_by(process: Process, house: Interior, *also: str) -> Interior:
    """The same house, whose ports this process uses."""
    seen = copy.copy(house)
    for name in (*PORTS, *also):
        setattr(seen, name, Wrapped(getattr(house, name), name, process))
    return seen
