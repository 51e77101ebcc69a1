"""The hits of one moment, counted in Redis or Valkey in one go: a request has several, others theirs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from limits.aio.storage import RedisStorage
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, ResponseError

# A key, and how often in how many seconds.
Entry = tuple[str, int, int]
_Call = tuple[tuple[str, str], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The hits of one request, and where their answers go."""

    calls: list[_Call]
    answer: asyncio.Future[list[bool]]

    def tell(self, own: Sequence[bool | ResponseError]) -> None:
        """What is refused of others of the same moment is nothing to it."""
        refused = next((one for one in own if isinstance(one, ResponseError)), None)
        if refused is None:
            self.answer.set_result([one is True for one in own])
        else:
            self.answer.set_exception(refused)


class TogetherStorage(RedisStorage):
    """The library's storage, in which what is counted in one turn of the loop travels together, for so many seconds.

    Between a hit and its answer are few turns: in each of them all that is ready goes first.
    """

    def __init__(self, uri: str, pool: Any, seconds: float) -> None:
        options: dict[str, Any] = {"connection_pool": pool}
        super().__init__(f"async+{uri}", implementation="redispy", key_prefix="RATES", **options)
        bridge: Any = self.bridge
        self._script, self._pool = bridge.lua_acquire_sliding_window, pool
        self._seconds = seconds
        self._waiting: list[_Asked] = []
        self._next: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def acquire_each(self, entries: Sequence[Entry]) -> list[bool]:
        """Count one for each; whether it was within what may come."""
        if self._next is None or self._next.done():
            self._next = asyncio.ensure_future(self._send())
            self._sending.add(self._next)
            self._next.add_done_callback(self._sending.discard)
        asked = _Asked([self._call(*entry) for entry in entries], asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        return await asked.answer

    def _call(self, key: str, limit: int, expiry: int) -> _Call:
        current = self.bridge.prefixed_key(self._current_window_key(key))
        previous = self.bridge.prefixed_key(self._previous_window_key(key))
        return (previous, current), (limit, expiry, 1)

    async def _send(self) -> None:
        """All that was asked until this has its turn."""
        asked, self._waiting, self._next = self._waiting, [], None
        try:
            async with asyncio.timeout(self._seconds):
                answers = await self._answers([call for one in asked for call in one.calls])
        except Exception as trouble:
            for one in asked:
                if not one.answer.done():
                    one.answer.set_exception(trouble)
            return
        for one in asked:
            own, answers = answers[: len(one.calls)], answers[len(one.calls) :]
            if not one.answer.done():
                one.tell(own)

    async def _answers(self, calls: Sequence[_Call]) -> list[bool | ResponseError]:
        commands = [("EVALSHA", self._script.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
        connection = await self._pool.get_connection()
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            answers = [await _answer(connection) for _ in calls]
        finally:
            await self._pool.release(connection)
        return [await self._taken(*call, answer) for call, answer in zip(calls, answers, strict=True)]

    async def _taken(self, keys: tuple[str, str], arguments: tuple[int, int, int], answer: Any) -> bool | ResponseError:
        if isinstance(answer, NoScriptError):
            try:
                answer = await self._script(list(keys), list(arguments))
            except ResponseError as refused:
                return refused
        return answer if isinstance(answer, ResponseError) else bool(answer)


async def _answer(connection: AbstractConnection) -> Any:
    """What is said of one command, also where it was refused: what is said of the next one comes after it."""
    try:
        return await connection.read_response()
    except ResponseError as refused:
        return refused
