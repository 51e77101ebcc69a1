"""When a body is had as a whole, and that a slow one is told of in time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.recordings.gathering import MOST_BYTES, gathered
from tests.virtual_time import HurriedLoop


async def sent(*pieces: bytes, pause: float = 0.0) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(pause)


async def all_of(data: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in data])


async def test_what_is_small_and_soon_is_had_as_a_whole() -> None:
    whole, rest = await gathered(sent(b"one", b"two"))
    assert (whole, await all_of(rest)) == (b"onetwo", b"")
    assert (await gathered(sent()))[0] == b""


async def test_of_what_is_larger_nothing_is_lost() -> None:
    pieces = (bytes(MOST_BYTES), b"and", b"more")
    whole, rest = await gathered(sent(*pieces))
    assert whole is None
    assert await all_of(rest) == b"".join(pieces)


@pytest.mark.parametrize("pieces", [(b"one",), (b"one", b"two"), (b"one", b"two", b"three")])
def test_one_that_is_slow_is_told_of_while_it_is_silent_and_nothing_is_lost(pieces: tuple[bytes, ...]) -> None:
    async def look() -> tuple[list[float], bytes | None, bytes]:
        loop, told = asyncio.get_running_loop(), list[float]()
        whole, rest = await gathered(sent(*pieces, pause=7.0), lambda: told.append(loop.time()))
        return told, whole, await all_of(rest)

    assert HurriedLoop.runs(look()) == ([1.0], None, b"".join(pieces))


async def test_what_breaks_off_while_it_is_waited_for_says_so() -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"one"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await gathered(breaks())
