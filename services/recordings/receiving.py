"""Taking in what one request sends to a recording: in runs, each of which counts as soon as a majority has it.

What fills whole chunks is written ahead as such.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from services.errors import LengthInconsistent, NotAudio, OffsetMismatch, Problem, UploadTakenOver
from services.recordings.ahead import Ahead, Over
from services.recordings.buffered import Buffered
from services.recordings.formats import SNIFF_BYTES, sniff
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import Appended, ArrivalRecords, Outcome, Pieces
from services.recordings.ports.audio import CHUNK_BYTES

LEAST_RUN, MOST_RUN = 64 * 1024, 4 * CHUNK_BYTES
# Once nothing more comes, what is left goes in one.
LAST_RUN = 2 * MOST_RUN
# Who sends less than a run in it is waited for no longer.
SLOW_SECONDS = 0.25
# Who has sent so many is told from who sends after him; until then the offsets alone tell two apart. Of recordings that
# began together not all come to it together.
LONG_RUNS, SPREAD_RUNS = 8, 32


@dataclass(slots=True, kw_only=True)
class Receiving:
    """One request's bytes. `admit` hears how many chunks a run fills, and refuses what goes beyond the limits, where
    what came before counts; `kept` is told of each run that counts.

    With `told` each piece of the data counts before the next is asked for, and it hears how far that is.
    """

    records: ArrivalRecords
    pieces: Pieces
    known: Known
    most_bytes: Callable[[int], None]
    admit: Callable[[int], Awaitable[None]]
    kept: Callable[[], None]
    told: Callable[[int], None] | None = None
    clock: Callable[[], float] = time.monotonic
    _buffer: Buffered = field(default_factory=Buffered, init=False)
    _sending: asyncio.Task[None] | None = field(default=None, init=False)
    _runs: int = field(default=0, init=False)
    _writer: int | None = field(default=None, init=False)
    _at: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)
    _has_failed: bool = field(default=False, init=False)
    _long_runs: int = field(init=False)
    _ahead: Ahead = field(init=False)

    def __post_init__(self) -> None:
        id = self.known.arriving.part.id.encode()
        self._long_runs = LONG_RUNS + crc32(id) % SPREAD_RUNS
        self._ahead = Ahead(records=self.records, pieces=self.pieces, known=self.known, became=self._became)

    async def run(self, data: AsyncIterator[bytes]) -> None:
        """Until the data ends, or breaks off: what came before that counts too."""
        self._at = self.known.offset
        try:
            await self._all(data)
        finally:
            if self._is_busy():
                await self._what_is_written()
            await self._ahead.settled()
            self._ahead.close()

    async def _all(self, data: AsyncIterator[bytes]) -> None:
        try:
            async for piece in data:
                self._refuse_longer(len(piece))
                if not self._buffer:
                    self._since = self.clock()
                self._buffer.add(piece)
                while self.told is None and self._is_due():
                    await self._send()
                if self.told is not None:
                    while self._buffer:
                        await self._tried(self._at, self._cut_off())
                    self.told(self.known.offset)
        except asyncio.CancelledError:
            await asyncio.wait((asyncio.create_task(self._what_is_written()),))
            raise
        except Exception:
            await (self._arrived() if self._has_failed else self._rest())
            raise
        await self._rest()

    def _refuse_longer(self, more: int) -> None:
        """LengthInconsistent, AudioTooLarge: what came before it counts."""
        size = self._at + len(self._buffer) + more
        length = self.known.arriving.length
        if length is not None and size > length:
            raise LengthInconsistent
        self.most_bytes(size)

    async def _rest(self) -> None:
        while self._buffer:
            await self._send(LAST_RUN)
        await self._arrived()
        await self._ahead.count()

    async def _what_is_written(self) -> None:
        """It counts, also where nobody waits for that."""
        with suppress(Exception):
            await self._arrived()
            await self._ahead.count()

    def _is_due(self) -> bool:
        """A run goes once it can be a chunk, or its sender is slow; it is longer while another is on its way."""
        here = len(self._buffer)
        if here >= MOST_RUN or self._is_busy():
            return here >= MOST_RUN
        to_border = CHUNK_BYTES - self._at % CHUNK_BYTES
        goes_beyond = self.known.claim is not None and to_border < CHUNK_BYTES
        return here >= to_border + goes_beyond * CHUNK_BYTES or (
            here >= LEAST_RUN and self.clock() - self._since >= SLOW_SECONDS
        )

    def _is_busy(self) -> bool:
        return self._ahead.is_busy or (self._sending is not None and not self._sending.done())

    async def _send(self, most: int = MOST_RUN) -> None:
        await self._arrived()
        at, run = self._at, self._cut_off(most)
        self._sending = asyncio.create_task(self._tried(at, run))

    def _cut_off(self, most: int = MOST_RUN) -> bytes:
        run = self._buffer.take(self._end_of_run(most))
        self._at += len(run)
        return run

    def _end_of_run(self, most: int) -> int:
        """As much as there is, up to the last border of a chunk if there is one in it."""
        end = min(len(self._buffer), most)
        beyond = (self._at + end) % CHUNK_BYTES
        return end - beyond if beyond < end and end > LEAST_RUN else end

    async def _arrived(self) -> None:
        """What is on its way is kept, or why it is not."""
        if self._sending is not None:
            await asyncio.shield(self._sending)
        self._ahead.check()

    async def _tried(self, at: int, run: bytes) -> None:
        try:
            await self._append(at, run)
        except BaseException:
            self._has_failed = True
            raise

    async def _append(self, at: int, run: bytes) -> None:
        try:
            await self.admit((at + len(run)) // CHUNK_BYTES - at // CHUNK_BYTES)
        except Problem:
            await self._ahead.count()
            raise
        if at < SNIFF_BYTES:
            await self._refuse_what_is_no_audio(run)
        if await self._ahead.takes(at, run):
            await self._ahead.write(at, run, counts_at_once=self.told is not None)
        else:
            await self._append_pieces(at, run)

    async def _append_pieces(self, at: int, run: bytes) -> None:
        known, id = self.known, self.known.arriving.part.id
        if known.arriving.is_claimed and known.claim is None:
            await self._ahead.claim(at)
        if known.claim is None and self._runs == self._long_runs:
            self._writer = await self.records.take_over(id)
            if self._writer is None:
                raise Over
        writing = self.pieces.append(known.arriving, at, run, known.claim or self._writer)
        appended = await (self._beside_chunks(writing) if self._ahead.is_behind else writing)
        self._runs += 1
        if appended.outcome is not Outcome.OVER:
            known.received(run[: appended.size])
            known.goes_on(at, run[: appended.size])
        self._became(appended, at)

    async def _beside_chunks(self, writing: Coroutine[Any, Any, Appended]) -> Appended:
        """While the whole chunks before it come to count."""
        counting, appending = asyncio.create_task(self._ahead.count()), asyncio.create_task(writing)
        await asyncio.wait((counting, appending))
        for trouble in [each.exception() for each in (counting, appending)]:
            if trouble is not None:
                raise trouble
        return appending.result()

    def _became(self, appended: Appended, at: int) -> None:
        """Go on, or raise why not."""
        if appended.outcome is Outcome.OVER:
            raise Over
        self.known.learned(appended.length, appended.folded)
        if appended.size:
            self.kept()
        if appended.outcome is Outcome.LOST:
            raise OffsetMismatch(at, at + appended.size)
        if appended.outcome is Outcome.TAKEN_OVER:
            raise UploadTakenOver

    async def _refuse_what_is_no_audio(self, run: bytes) -> None:
        head = b""
        if self.known.offset:
            async for piece in self.pieces.read(self.known.arriving):
                head += piece
                if len(head) >= self.known.offset:
                    break
        head = (head[: self.known.offset] + run)[:SNIFF_BYTES]
        if len(head) == SNIFF_BYTES:
            self.known.container = sniff(head)
            if self.known.container is None:
                raise NotAudio
