"""A body that is soon and small enough to be had as a whole, before anything of it is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable

from services.recordings.ports.audio import CHUNK_BYTES

MOST_BYTES = 2 * CHUNK_BYTES
# A form is a little longer than the file in it.
MOST_ANNOUNCED = MOST_BYTES + 4096
MOST_SECONDS = 1.0


async def gathered(
    data: AsyncIterator[bytes], slow: Callable[[], None] = lambda: None
) -> tuple[bytes | None, AsyncIterator[bytes]]:
    """All of it, if there is no more than two chunks and they are here within a second; else the bytes from the first.

    `slow` is called when the second is over, whatever is being waited for. So many are held of each upload only
    while they come fast: of a slow one no more than it sends in a second, and one piece.
    """
    pieces: list[bytes] = []
    size, is_slow = 0, False

    def over() -> None:
        nonlocal is_slow
        is_slow = True
        slow()

    timer = asyncio.get_running_loop().call_later(MOST_SECONDS, over)
    try:
        async for piece in data:
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES or is_slow:
                break
        else:
            return (None, _from_the_first(pieces, data)) if is_slow else (b"".join(pieces), data)
    finally:
        timer.cancel()
    return None, _from_the_first(pieces, data)


async def _from_the_first(pieces: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    pieces.reverse()
    while pieces:
        yield pieces.pop()
    async for piece in rest:
        yield piece
