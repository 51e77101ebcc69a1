"""The port Decoder on PyAV, with all decoding in other processes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

from services.adapters.av_decoder.nursery import Nursery
from services.adapters.av_decoder.wire import (
    BYTES_PER_SECOND,
    DONE,
    HEAD,
    LARGEST_MESSAGE,
    READY,
    SAMPLES,
    TOO_LONG,
    Caps,
)
from services.errors import AudioTooLong, AudioUnreadable, EngineUnavailable
from services.ports import Recording

ATTEMPTS = 3
BETWEEN_ATTEMPTS_SECONDS = 0.05


class AvDecoder:
    """Decodes so many recordings at once, none over the caps."""

    def __init__(self, max_seconds: float, max_bytes: int, slots: int | None = None) -> None:
        self.caps = Caps(max_seconds, max_bytes)
        self.nursery = Nursery(self.caps)
        self.slots = asyncio.Semaphore(slots or os.cpu_count() or 1)
        self.closed = False

    async def decode(self, data: AsyncIterator[bytes]) -> Recording:
        """The recording as samples; AudioUnreadable or AudioTooLong, or EngineUnavailable if no process starts."""
        self.closed = False
        async with self.slots:
            line = await self._child()
            try:
                await self._send(line, data)
                return await self._receive(line)
            except AudioUnreadable as error:
                if self.closed:
                    raise EngineUnavailable("The decoder was closed meanwhile.") from error
                raise
            finally:
                line.close()

    async def close(self) -> None:
        """End every process; what is being decoded ends with EngineUnavailable."""
        self.closed = True
        await asyncio.to_thread(self.nursery.close)

    async def _child(self) -> socket.socket:
        for _ in range(ATTEMPTS):
            with suppress(OSError):
                line = self.nursery.child()
                if await _is_ready(line):
                    return line
            await asyncio.sleep(BETWEEN_ATTEMPTS_SECONDS)
        raise EngineUnavailable("The decoder's process could not be started.")

    async def _send(self, line: socket.socket, data: AsyncIterator[bytes]) -> None:
        loop, sent = asyncio.get_running_loop(), 0
        async for piece in data:
            sent += len(piece)
            if sent > self.caps.bytes:
                raise AudioUnreadable("The recording is larger than is allowed.")
            with suppress(ConnectionError):
                await loop.sock_sendall(line, piece)
        with suppress(OSError):
            line.shutdown(socket.SHUT_WR)

    async def _receive(self, line: socket.socket) -> Recording:
        blocks: list[bytes] = []
        room = int((self.caps.seconds + 1) * BYTES_PER_SECOND)
        while True:
            kind, body = await _message(line)
            room -= len(body)
            if kind == TOO_LONG or room < 0:
                raise AudioTooLong
            if kind != SAMPLES:
                await _ended(line)
                return _recording(kind, body, blocks)
            blocks.append(body)


async def _is_ready(line: socket.socket) -> bool:
    try:
        return (await _message(line))[0] == READY
    except BaseException as error:
        line.close()
        if isinstance(error, AudioUnreadable):
            return False
        raise


async def _message(line: socket.socket) -> tuple[bytes, bytes]:
    kind, size = HEAD.unpack(await _exactly(line, HEAD.size))
    if size > LARGEST_MESSAGE:
        raise AudioUnreadable
    return kind, await _exactly(line, size)


async def _exactly(line: socket.socket, size: int) -> bytes:
    """So many bytes; AudioUnreadable if the child dies before."""
    loop, got = asyncio.get_running_loop(), bytearray()
    while len(got) < size:
        try:
            piece = await loop.sock_recv(line, size - len(got))
        except ConnectionError:
            piece = b""
        if not piece:
            raise AudioUnreadable
        got += piece
    return bytes(got)


async def _ended(line: socket.socket) -> None:
    """Wait until the child has ended and was reaped."""
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_recv(line, 1)


def _recording(kind: bytes, body: bytes, blocks: list[bytes]) -> Recording:
    pcm = b"".join(blocks)
    if kind != DONE or not pcm:
        raise AudioUnreadable
    warnings = tuple(body.decode("ascii", "replace").split(",")) if body else ()
    return Recording(pcm, len(pcm) / BYTES_PER_SECOND, warnings)
