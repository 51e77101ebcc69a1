"""The worker's side of what is said with a process that decodes."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.entered_source import FromEntry
from services.adapters.av_decoder.protocol import (
    BYTES_PER_SECOND,
    HEAD,
    LARGEST_MESSAGE,
    MOST_PAGES_A_SECOND,
    Order,
    Planned,
)
from services.errors import AudioMissing, AudioTooLong, AudioUnreadable, EngineUnavailable, TranscriptionProblem
from services.interviews.model import Entry
from services.interviews.transcript import Flaw
from services.transcription.ports import RATE, Source

log = structlog.get_logger(__name__)

LARGER = "The recording is larger than is allowed."
OPEN_SECONDS = 60.0  # less than a database keeps a reading that is not gone on with


class LineClosed(Exception):
    """The child ended before it was done."""


class Slot:
    """One of the places of those that decode at once, which is given up while somebody else is waited for."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots, self._has = slots, True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.leave()

    async def take(self) -> None:
        if not self._has:
            await self._slots.acquire()
            self._has = True

    def leave(self) -> None:
        if self._has:
            self._has = False
            self._slots.release()


class Whole:
    """A recording that is sent as it comes, and ends with its last byte."""

    def __init__(self, data: AsyncIterator[bytes], most: int) -> None:
        self._data, self._most = data, most

    async def send(self, line: socket.socket) -> None:
        loop, sent = asyncio.get_running_loop(), 0
        async for piece in self._data:
            sent += len(piece)
            if sent > self._most:
                raise AudioUnreadable(LARGER)
            with suppress(ConnectionError):
                await loop.sock_sendall(line, piece)
        with suppress(OSError):
            line.shutdown(socket.SHUT_WR)

    async def answer(self, line: socket.socket, start: int, size: int) -> None:
        raise AudioUnreadable  # it has all of it

    async def close(self) -> None:
        pass


class Asked:
    """A recording of which those bytes are sent that are asked for; mostly they follow upon each other."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pieces: AsyncIterator[bytes] | None = None
        self._at, self._rest, self._used = 0, b"", 0.0

    async def send(self, line: socket.socket) -> None:
        pass

    async def answer(self, line: socket.socket, start: int, size: int) -> None:
        if start + size > self._source.size or size > LARGEST_MESSAGE:
            raise AudioUnreadable
        if start != self._at:
            await self.close()
            self._at, self._rest = start, b""
        if time.monotonic() - self._used > OPEN_SECONDS:
            await self.close()
        while len(self._rest) < size:
            self._rest += await self._more()
        self._used = time.monotonic()
        answer, self._rest = self._rest[:size], self._rest[size:]
        self._at += size
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(line, answer)

    async def close(self) -> None:
        pieces, self._pieces = self._pieces, None
        if pieces is not None and (aclose := getattr(pieces, "aclose", None)) is not None:
            await aclose()

    async def _more(self) -> bytes:
        if self._pieces is None:
            self._pieces = self._source.read(self._at + len(self._rest))
        piece = await anext(self._pieces, None)
        if not piece:
            raise AudioMissing
        return piece


class Dialogue:
    """One recording with one process: the port Sound, once it is begun."""

    def __init__(self, line: socket.socket, slot: Slot, data: Whole | Asked, entered: FromEntry | None = None) -> None:
        self._line, self._slot, self._data, self._entered = line, slot, data, entered
        self._planned = Planned(0, (), b"")
        self._room = 0

    @property
    def samples(self) -> int:
        return self._planned.samples

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        return self._planned.flaws

    @property
    def plan(self) -> bytes:
        return self._planned.plan

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self._entered.entries(self._planned.entries) if self._entered else ()

    async def begun(self, order: Order) -> Self:
        """Itself, with all known but the samples; LineClosed, and what is wrong with the recording."""
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._line, protocol.message(protocol.ORDER, order.body()))
        await self._data.send(self._line)
        kind, body = await self._next()
        if kind != protocol.PLAN:
            raise await self._trouble(kind, body)
        self._planned = _planned(body)
        self._room = int((order.most_seconds + 1) * BYTES_PER_SECOND)
        if self.samples > (order.most_seconds + 1) * RATE:
            raise AudioTooLong
        return self

    async def blocks(self) -> AsyncIterator[bytes]:
        """The samples, as they are asked for; LineClosed, and what is wrong with the recording."""
        while True:
            await self._slot.take()
            kind, body = await self._next()
            if kind == protocol.DONE:
                await _ended(self._line)
                return
            self._room -= len(body)
            if self._room < 0:
                raise AudioTooLong
            if kind != protocol.SAMPLES or len(body) % 2:
                raise await self._trouble(kind, body)
            self._slot.leave()
            yield body

    async def pages(self, order: Order) -> AsyncIterator[bytes]:
        """What two recordings are merged to, as it is asked for; LineClosed, and what is wrong with the recordings."""
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._line, protocol.message(protocol.ORDER, order.body()))
        await self._data.send(self._line)
        room = int((order.most_seconds + 1) * MOST_PAGES_A_SECOND)
        while True:
            await self._slot.take()
            kind, body = await self._next()
            if kind == protocol.DONE:
                await _ended(self._line)
                return
            room -= len(body)
            if kind != protocol.PAGES or room < 0:
                raise await self._trouble(kind, body)
            self._slot.leave()
            yield body

    async def _next(self) -> tuple[bytes, bytes]:
        """The next word that is not a question; those are answered."""
        while True:
            kind, body = await message_on(self._line)
            if kind != protocol.NEED:
                return kind, body
            try:
                start, size = protocol.RANGE.unpack(body)
            except struct.error:
                raise AudioUnreadable from None
            await self._data.answer(self._line, start, size)

    async def _trouble(self, kind: bytes, body: bytes) -> TranscriptionProblem:
        await _ended(self._line)
        if kind == protocol.TOO_LONG:
            return AudioTooLong()
        if kind == protocol.FAILED:
            error = protocol.error_of(body)
            log.error("decoder failed", error=error)
            return EngineUnavailable(f"The decoder failed: {error}.")
        return AudioUnreadable()


async def message_on(line: socket.socket) -> tuple[bytes, bytes]:
    """The next one; LineClosed, AudioUnreadable for one that no child sends that is well."""
    kind, size = HEAD.unpack(await exactly(line, HEAD.size))
    if size > LARGEST_MESSAGE:
        raise AudioUnreadable
    return kind, await exactly(line, size)


async def exactly(line: socket.socket, size: int) -> bytes:
    """So many bytes; LineClosed if the other side dies before."""
    loop, got = asyncio.get_running_loop(), bytearray()
    while len(got) < size:
        try:
            piece = await loop.sock_recv(line, size - len(got))
        except ConnectionError:
            piece = b""
        if not piece:
            raise LineClosed
        got += piece
    return bytes(got)


async def _ended(line: socket.socket) -> None:
    """Wait until the child has ended and was reaped."""
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_recv(line, 1)


def _planned(body: bytes) -> Planned:
    try:
        return protocol.planned_of(body)
    except (ValueError, TypeError, RecursionError):
        raise AudioUnreadable from None
