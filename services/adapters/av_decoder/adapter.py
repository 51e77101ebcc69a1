"""The port Decoder on PyAV, with all decoding in other processes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.fork_client import Child, ForkClient
from services.adapters.av_decoder.level import levelled
from services.adapters.av_decoder.protocol import (
    AFRESH,
    BYTES_PER_SECOND,
    DONE,
    ENDING,
    FAILED,
    HEAD,
    LARGEST_MESSAGE,
    READY,
    SAMPLES,
    SEALED,
    TOO_LONG,
    Caps,
    Ending,
)
from services.errors import AudioTooLong, AudioUnreadable, EngineUnavailable, TranscriptionProblem
from services.transcription.ports import Recording

log = structlog.get_logger(__name__)

ATTEMPTS = 3
BETWEEN_ATTEMPTS_SECONDS = 0.05
MOST_BEGINS = 2


class _LineClosed(Exception):
    """The child ended before it was done."""


class AvDecoder:
    """Decodes so many recordings at once, none over the caps."""

    def __init__(self, max_seconds: float, max_bytes: int, slots: int | None = None) -> None:
        self.caps = Caps(max_seconds, max_bytes)
        self.nursery = ForkClient(self.caps)
        self.slots = asyncio.Semaphore(slots or len(os.sched_getaffinity(0)))
        self.told_unsealed = False

    async def decode(self, data: AsyncIterator[bytes], *, most_seconds: float | None = None) -> Recording:
        """The recording as samples; AudioUnreadable or AudioTooLong.

        EngineUnavailable if no process starts, or if it is ended for a reason that lies outside the recording.
        """
        async with self.slots:
            child = await self._child()
            try:
                await self._send(child.line, data)
                return await self._receive(child.line, min(most_seconds or self.caps.seconds, self.caps.seconds))
            except _LineClosed:
                raise await _verdict(child) from None
            finally:
                child.close()

    async def close(self) -> None:
        """End every process; what is being decoded ends with EngineUnavailable."""
        await asyncio.to_thread(self.nursery.close)

    async def _child(self) -> Child:
        for _ in range(ATTEMPTS):
            with suppress(OSError):
                child = self.nursery.child()
                if await self._wait_ready(child):
                    return child
            await asyncio.sleep(BETWEEN_ATTEMPTS_SECONDS)
        raise EngineUnavailable("The decoder's process could not be started.")

    async def _wait_ready(self, child: Child) -> bool:
        try:
            kind, body = await _message(child.line)
        except _LineClosed:
            child.close()
            return False
        except BaseException:
            child.close()
            raise
        if body != SEALED and not self.told_unsealed:
            self.told_unsealed = True
            log.warning("decoding without a system call filter: this system has none")
        return kind == READY

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

    async def _receive(self, line: socket.socket, most_seconds: float) -> Recording:
        blocks: list[bytes] = []
        most = int((most_seconds + 1) * BYTES_PER_SECOND)
        room, begins = most, 0
        while True:
            kind, body = await _message(line)
            if kind == AFRESH and begins < MOST_BEGINS:
                blocks, room, begins = [], most, begins + 1
                continue
            room -= len(body)
            if kind == TOO_LONG or room < 0:
                raise AudioTooLong
            if kind != SAMPLES:
                await _ended(line)
                return await asyncio.to_thread(_recording, kind, body, blocks)
            blocks.append(body)


async def _verdict(child: Child) -> TranscriptionProblem:
    """What the end of a child says about its recording; its parent tells, if it lives."""
    try:
        ending = Ending(*ENDING.unpack(await _exactly(child.verdict, ENDING.size)))
    except _LineClosed:
        return EngineUnavailable("The process that decodes was ended.")
    if ending.is_own_fault:
        return AudioUnreadable()
    log.warning("decoder ended", signal=ending.signal, cpu=ending.cpu_seconds, peak=ending.peak_bytes)
    return EngineUnavailable("The process that decodes ended before it was done.")


async def _message(line: socket.socket) -> tuple[bytes, bytes]:
    kind, size = HEAD.unpack(await _exactly(line, HEAD.size))
    if size > LARGEST_MESSAGE:
        raise AudioUnreadable
    return kind, await _exactly(line, size)


async def _exactly(line: socket.socket, size: int) -> bytes:
    """So many bytes; _LineClosed if the other side dies before."""
    loop, got = asyncio.get_running_loop(), bytearray()
    while len(got) < size:
        try:
            piece = await loop.sock_recv(line, size - len(got))
        except ConnectionError:
            piece = b""
        if not piece:
            raise _LineClosed
        got += piece
    return bytes(got)


async def _ended(line: socket.socket) -> None:
    """Wait until the child has ended and was reaped."""
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_recv(line, 1)


def _failed(error: str) -> EngineUnavailable:
    log.error("decoder failed", error=error)
    return EngineUnavailable(f"The decoder failed: {error}.")


def _recording(kind: bytes, body: bytes, blocks: list[bytes]) -> Recording:
    if kind == FAILED:
        raise _failed(protocol.error_of(body))
    if kind != DONE:
        raise AudioUnreadable
    try:
        pcm, flaws = b"".join(levelled(blocks)), protocol.flaws_of(body)
    except (ValueError, TypeError, RecursionError):
        raise AudioUnreadable from None
    if not pcm:
        raise AudioUnreadable
    return Recording(pcm, len(pcm) / BYTES_PER_SECOND, flaws)
