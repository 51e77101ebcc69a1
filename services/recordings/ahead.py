"""Whole chunks that one request sends, written before the record says that they count.

Who has claimed the recording alone may append meanwhile. A majority has a chunk before it counts, and of many that is
said at once.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import OffsetMismatch
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import Appended, ArrivalRecords, Outcome, Pieces
from services.recordings.ports.audio import CHUNK_BYTES

# What is written ahead is counted once it is so much, or so old, whatever comes behind it.
MOST_AHEAD, MOST_AHEAD_SECONDS = 32 * CHUNK_BYTES, 0.25


class Over(Exception):
    """The recording takes nothing more."""


@dataclass(slots=True, kw_only=True)
class Ahead:
    """One request's; `became` is told of what counts, and from where on, and raises why not."""

    records: ArrivalRecords
    pieces: Pieces
    known: Known
    became: Callable[[Appended, int], None]
    has_failed: bool = field(default=False, init=False)
    _bytes: int = field(default=0, init=False)
    _is_much: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _counter: asyncio.Task[None] | None = field(default=None, init=False)

    async def takes(self, at: int, run: bytearray) -> bool:
        """Whether it fills chunks, and chunks have all before them: what is kept as pieces is written once more."""
        known = self.known
        if len(run) < CHUNK_BYTES or (at + len(run)) % CHUNK_BYTES:
            return False
        if known.folding is not None:
            await asyncio.wait((known.folding,))
        if known.arriving.folded + self._bytes != at - at % CHUNK_BYTES:
            return False
        if known.claim is None:
            await self.claim(at)
        return True

    async def claim(self, at: int) -> None:
        """Be the only one who may append, behind what others have appended: Over, OffsetMismatch."""
        known, id = self.known, self.known.arriving.part.id
        claimed = await self.records.claim(id)
        if claimed is None:
            raise Over
        offset = await self.pieces.offset(id)
        if offset != at:
            raise OffsetMismatch(offset, at)
        await self.pieces.clear(id, at, claimed.writer)
        known.arriving, known.claim = claimed, claimed.writer

    async def write(self, at: int, run: bytearray, *, counts_at_once: bool) -> None:
        """What it takes, with what has been received of the chunk before."""
        known, start = self.known, at - at % CHUNK_BYTES
        whole = run if start == at else await self._before(at) + run
        with memoryview(whole) as held:
            chunks = [held[begin : begin + CHUNK_BYTES] for begin in range(0, len(whole), CHUNK_BYTES)]
            if not await self.pieces.write_ahead(known.arriving, start // CHUNK_BYTES, chunks, known.claim or 0):
                raise OffsetMismatch(at, at)
        known.read(run)
        known.begun = b""
        self._bytes += len(whole)
        if counts_at_once:
            await self.count()
            return
        if self._bytes >= MOST_AHEAD:
            self._is_much.set()
        if self._counter is None or self._counter.done():
            self._counter = asyncio.create_task(self._count_soon())

    async def count(self) -> None:
        """What was written ahead counts."""
        async with self._turn:
            known, ahead = self.known, self._bytes
            if not ahead:
                return
            until = known.arriving.folded + ahead
            appended = await self.pieces.count(known.arriving, until, known.claim or 0)
            if appended.outcome is Outcome.KEPT:
                known.offset = until
            self._bytes -= ahead
            if appended.outcome is Outcome.OVER:  # who ended it may have looked before this was written
                await self.pieces.clear(known.arriving.part.id, appended.folded, (known.claim or 0) + 1)
            self.became(appended, known.offset)

    async def check(self) -> None:
        """Raise why what was written did not come to count, if it did not."""
        if self._counter is not None and self._counter.done():
            await self._counter

    def close(self) -> None:
        """Nobody waits for what is not counted yet."""
        if self._counter is not None and not self._counter.cancel() and not self._counter.cancelled():
            self._counter.exception()  # it was raised, or something before it

    async def _before(self, at: int) -> bytes:
        """What has been received of the chunk in which this byte is."""
        if len(self.known.begun) == at % CHUNK_BYTES:
            return self.known.begun
        start = at - at % CHUNK_BYTES
        before = b"".join([piece async for piece in self.pieces.read(self.known.arriving, start)])[: at - start]
        if len(before) < at - start:
            raise OffsetMismatch(start + len(before), at)
        return before

    async def _count_soon(self) -> None:
        """Beside what still comes."""
        while self._bytes:
            self._is_much.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(MOST_AHEAD_SECONDS if self._bytes < MOST_AHEAD else 0):
                    await self._is_much.wait()
            try:
                await self.count()
            except BaseException:
                self.has_failed = True
                raise
