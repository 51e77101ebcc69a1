"""The process that records on many WebSockets at once, and notes how long each acknowledgement takes."""

import asyncio
import os
import random
import re
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from benchmarks.child import Handle, Job, serve
from benchmarks.files import open_many
from benchmarks.raw_sockets import Refused, Target, questions, recording

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
OFFSET = re.compile(rb'"type":"ack","offset":(\d+)')
MOST_OPENING = 50
OPENING_SECONDS, DRAINING_SECONDS = 120.0, 30.0
FIRST_BYTES = 1024
# In life recorders have processors of their own: here they have what the servers leave of two.
BEHIND_SERVERS = 19
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Recorder(asyncio.Protocol):
    """One socket: what was sent and is not acknowledged yet, and how long the others took."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._unread = b""
        self._is_open = False
        self._waiting: deque[tuple[int, float]] = deque()
        self.ready = self._loop.create_future()
        self.sent = 0
        self.taken: list[float] = []
        self.end: bytes | None = None

    @property
    def is_acknowledged(self) -> bool:
        return not self._waiting

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        lines = (
            f"GET /ws/audio/{self._target.session}?question_id={self._target.question} HTTP/1.1",
            "Host: bench",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {KEY}",
            f"Authorization: Bearer {self._target.token}",
        )
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        self._waiting.append((self.sent, self._loop.time()))
        self._frame(BINARY, data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self._is_open:
            head, mark, rest = self._unread.partition(b"\r\n\r\n")
            if not mark:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail(head)
                return
            self._is_open, self._unread = True, rest
        while (frame := _frame_of(self._unread)) is not None:
            kind, payload, size = frame
            self._unread = self._unread[size:]
            self._heed(kind, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(b"the connection was lost")

    def _heed(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self._frame(PONG, payload)
        elif kind == CLOSE:
            self._fail(payload[2:])
        elif (found := OFFSET.search(payload)) is not None:
            offset, now = int(found[1]), self._loop.time()
            while self._waiting and self._waiting[0][0] <= offset:
                self.taken.append(now - self._waiting.popleft()[1])
        elif b'"type":"ready"' in payload and not self.ready.done():
            self.ready.set_result(None)

    def _fail(self, reason: bytes) -> None:
        self.end = self.end or reason
        if not self.ready.done():
            self.ready.set_exception(Refused(reason.decode(errors="replace")))

    def _frame(self, kind: int, payload: bytes) -> None:
        """Masked, as clients must, by a mask that changes nothing."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        self._transport.write(bytes([0x80 | kind]) + length + bytes(4) + payload)


def _frame_of(data: bytes) -> tuple[int, bytes, int] | None:
    """A server's frame: its kind, what is in it, and how long it is altogether."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        if len(data) < 4:
            return None
        size, at = int.from_bytes(data[2:4]), 4
    return (data[0] & 0x0F, data[at : at + size], at + size) if len(data) >= at + size else None


async def _opened(url: str, targets: list[Target]) -> list[Recorder]:
    """All of them, each with its recording begun, as nobody begins in the same second as everybody else."""
    loop, address, opening = asyncio.get_running_loop(), urlsplit(url), asyncio.Semaphore(MOST_OPENING)

    async def connected(target: Target) -> Recorder:
        async with opening:
            recorder = Recorder(target)
            await loop.create_connection(lambda: recorder, address.hostname or "", address.port or 80)
            await recorder.ready
            recorder.send(recording(FIRST_BYTES))
            while not (recorder.is_acknowledged or recorder.end):
                await asyncio.sleep(0.005)
            recorder.taken.clear()
            return recorder

    async with asyncio.timeout(OPENING_SECONDS):
        return list(await asyncio.gather(*map(connected, targets)))


async def _recorded(recorder: Recorder, begin: float, job: Job) -> None:
    """A frame a second, each recorder at a moment of its own."""
    loop, phase = asyncio.get_running_loop(), random.random()
    data = os.urandom(job["bytes"] * job["seconds"])
    for second in range(job["seconds"]):
        await asyncio.sleep(begin + phase + second - loop.time())
        recorder.send(data[second * job["bytes"] : (second + 1) * job["bytes"]])


class Crowd:
    """The recorders that are open."""

    def __init__(self) -> None:
        self.recorders: list[Recorder] = []

    async def open(self, job: Job) -> Job:
        targets = await questions(job["url"], job["secret"], job["recorders"])
        self.recorders = await _opened(job["url"], targets)
        return {"open": len(self.recorders)}

    async def record(self, job: Job) -> Job:
        """All of them for so many seconds; milliseconds of each acknowledgement, and what was not acknowledged."""
        loop = asyncio.get_running_loop()
        begin = loop.time() + 0.5
        await asyncio.gather(*(_recorded(recorder, begin, job) for recorder in self.recorders))
        until = loop.time() + DRAINING_SECONDS
        while loop.time() < until and not all(recorder.is_acknowledged for recorder in self.recorders):
            await asyncio.sleep(0.05)
        return {
            "milliseconds": [1000 * seconds for recorder in self.recorders for seconds in recorder.taken],
            "unacknowledged": sum(not recorder.is_acknowledged for recorder in self.recorders),
            "ended": sorted({end.decode(errors="replace") for r in self.recorders if (end := r.end)})[:3],
        }

    async def close(self, _: Job) -> Job:
        for recorder in self.recorders:
            recorder.close()
        self.recorders.clear()
        return {}


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    open_many()
    os.nice(BEHIND_SERVERS)
    crowd = Crowd()
    steps: dict[str, Callable[[Job], Any]] = {"open": crowd.open, "record": crowd.record, "close": crowd.close}

    async def handle(job: Job) -> Job:
        done: Job = await steps[job["do"]](job)
        return done

    yield handle


if __name__ == "__main__":
    serve(opened)
