"""Taking in what one request sends to a recording: in runs, each of which counts as soon as a majority has it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from services.errors import LengthInconsistent, NotAudio, OffsetMismatch, UploadTakenOver
from services.recordings.formats import SNIFF_BYTES, sniff
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import Appended, ArrivalRecords, Outcome, Pieces
from services.recordings.ports.audio import CHUNK_BYTES

LEAST_RUN, MOST_RUN = 64 * 1024, 4 * CHUNK_BYTES
# Who sends less than a run in it is waited for no longer.
SLOW_SECONDS = 0.25
# Who has sent so many is told from who sends after him; until then the offsets alone tell two apart.
LONG_RUNS = 8


class Over(Exception):
    """The recording takes nothing more."""


@dataclass(slots=True, kw_only=True)
class Receiving:
    """One request's bytes. `admit` refuses what goes beyond the limits, `kept` is told of each run that counts.

    With `told` each piece of the data counts before the next is asked for, and it hears how far that is.
    """

    records: ArrivalRecords
    pieces: Pieces
    known: Known
    most_bytes: Callable[[int], None]
    admit: Callable[[bool], Awaitable[None]]
    kept: Callable[[], None]
    told: Callable[[int], None] | None = None
    clock: Callable[[], float] = time.monotonic
    _buffer: bytearray = field(default_factory=bytearray, init=False)
    _sending: asyncio.Task[None] | None = field(default=None, init=False)
    _runs: int = field(default=0, init=False)
    _writer: int | None = field(default=None, init=False)
    _size_on_its_way: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)
    _has_failed: bool = field(default=False, init=False)

    async def run(self, data: AsyncIterator[bytes]) -> None:
        """Until the data ends, or breaks off: what came before that counts too."""
        try:
            async for piece in data:
                self._refuse_longer(len(piece))
                if not self._buffer:
                    self._since = self.clock()
                self._buffer += piece
                while self.told is None and self._is_due():
                    await self._send()
                if self.told is not None:
                    while self._buffer:
                        await self._tried(self._cut_off())
                    self.told(self.known.offset)
        except asyncio.CancelledError:
            if self._sending is not None:
                await asyncio.wait((self._sending,))
            raise
        except Exception:
            if not self._has_failed:
                await self._rest()
            raise
        await self._rest()

    def _refuse_longer(self, more: int) -> None:
        """LengthInconsistent, AudioTooLarge: what came before it counts."""
        size = self.known.offset + self._size_on_its_way + len(self._buffer) + more
        length = self.known.arriving.length
        if length is not None and size > length:
            raise LengthInconsistent
        self.most_bytes(size)

    async def _rest(self) -> None:
        while self._buffer:
            await self._send()
        await self._arrived()

    def _is_due(self) -> bool:
        """A run goes once it can be a chunk, or its sender is slow; it is longer while another is on its way."""
        here = len(self._buffer)
        if here >= MOST_RUN or self._is_busy():
            return here >= MOST_RUN
        to_border = CHUNK_BYTES - self.known.offset % CHUNK_BYTES
        return here >= to_border or (here >= LEAST_RUN and self.clock() - self._since >= SLOW_SECONDS)

    def _is_busy(self) -> bool:
        return self._sending is not None and not self._sending.done()

    async def _send(self) -> None:
        await self._arrived()
        self._sending = asyncio.create_task(self._tried(self._cut_off()))

    def _cut_off(self) -> bytes:
        run = bytes(self._buffer[: self._end_of_run()])
        del self._buffer[: len(run)]
        self._size_on_its_way = len(run)
        return run

    def _end_of_run(self) -> int:
        """As much as there is, up to the last border of a chunk if there is one in it."""
        end = min(len(self._buffer), MOST_RUN)
        beyond = (self.known.offset + end) % CHUNK_BYTES
        return end - beyond if beyond < end and end > LEAST_RUN else end

    async def _arrived(self) -> None:
        """What is on its way counts, or why it does not."""
        if self._sending is not None:
            await asyncio.shield(self._sending)

    async def _tried(self, run: bytes) -> None:
        try:
            await self._append(run)
        except BaseException:
            self._has_failed = True
            raise

    async def _append(self, run: bytes) -> None:
        known, at = self.known, self.known.offset
        await self.admit((at + len(run)) // CHUNK_BYTES > at // CHUNK_BYTES)
        if at < SNIFF_BYTES:
            await self._refuse_what_is_no_audio(run)
        if self._runs == LONG_RUNS:
            self._writer = await self.records.take_over(known.arriving.part.id)
            if self._writer is None:
                raise Over
        appended = await self._appended(at, run)
        self._runs += 1
        self._size_on_its_way = 0
        if appended.outcome is Outcome.OVER:
            raise Over
        known.received(run[: appended.size])
        known.learned(appended.length, appended.folded)
        self.kept()
        if appended.outcome is Outcome.LOST:
            raise OffsetMismatch(at, at + appended.size)
        if appended.outcome is Outcome.TAKEN_OVER:
            raise UploadTakenOver

    async def _appended(self, at: int, run: bytes) -> Appended:
        """Kept as chunks where that is possible, for what is kept as pieces is written once more."""
        known = self.known
        if at % CHUNK_BYTES == 0 and len(run) % CHUNK_BYTES == 0:
            if known.folding is not None:
                await asyncio.wait((known.folding,))
            if known.arriving.folded == at:
                whole = await self.pieces.append_chunks(known.arriving, at, run, self._writer)
                if whole is not None:
                    return whole
        return await self.pieces.append(known.arriving, at, run, self._writer)

    async def _refuse_what_is_no_audio(self, run: bytes) -> None:
        head = b""
        if self.known.offset:
            async for piece in self.pieces.read(self.known.arriving):
                head += piece
                if len(head) >= self.known.offset:
                    break
        head = (head[: self.known.offset] + run)[:SNIFF_BYTES]
        if len(head) == SNIFF_BYTES and sniff(head) is None:
            raise NotAudio
