"""What a recorder's socket brings, one task's reading and another's taking, with little between them."""

import asyncio
from collections import deque
from enum import StrEnum

MOST_WAITING = 256 * 1024
MOST_TAKEN = 255 * 1024


class End(StrEnum):
    """Why nothing more comes."""

    ENDED = "ended"  # the client says that the recording is whole
    ABORTED = "aborted"  # the client says that it is to be given up
    CLOSED = "closed"  # the client has closed the socket in order
    BROKEN = "broken"  # the line broke
    REFUSED = "refused"  # what came is refused
    IDLE = "idle"  # nothing came for long
    LEAVING = "leaving"  # the server stops


class Frames:
    """What has come and is not taken yet; what waits when the end comes is still taken."""

    def __init__(self, idle_seconds: float) -> None:
        self.end: End | None = None
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._loop, self._idle_seconds = asyncio.get_running_loop(), idle_seconds
        self._last = self._loop.time()
        self._timer = self._loop.call_later(idle_seconds, self._look)

    async def put(self, data: bytes) -> None:
        """Add what came, once there is room for more after it."""
        self._last = self._loop.time()
        self._waiting.append(data)
        self._size += len(data)
        self._news.set()
        if self._size > MOST_WAITING:
            self._room.clear()
            await self._room.wait()

    def over(self, end: End) -> None:
        """Nothing more comes; the first reason counts."""
        if self.end is None:
            self.end = end
            self._timer.cancel()
            self._news.set()

    async def wait(self) -> bool:
        """Until something can be taken; False where nothing can, and nothing comes any more."""
        while not self._waiting:
            if self.end is not None:
                return False
            self._news.clear()
            await self._news.wait()
        return True

    def take(self) -> bytes:
        """The next bytes: small messages together, a large one in pieces."""
        taken, size = [], 0
        while self._waiting and size < MOST_TAKEN:
            data = self._waiting.popleft()
            room = MOST_TAKEN - size
            if len(data) > room:
                self._waiting.appendleft(data[room:])
                data = data[:room]
            taken.append(data)
            size += len(data)
        self._size -= size
        if self._size <= MOST_WAITING:
            self._room.set()
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _look(self) -> None:
        """The timer is set anew only when it goes off too early: one for each message would cost more than that."""
        lasts = self._loop.time() - self._last
        if lasts < self._idle_seconds:
            self._timer = self._loop.call_later(self._idle_seconds - lasts, self._look)
        else:
            self.over(End.IDLE)
