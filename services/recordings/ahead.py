"""Whole chunks that one request sends, written before the record says that they count.

Who has claimed the recording alone may append meanwhile. A majority has a chunk before it counts, and of many that is
said at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import OffsetMismatch
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import Appended, ArrivalRecords, Outcome, Pieces
from services.recordings.ports.audio import CHUNK_BYTES

MOST_ON_WAY = 2
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
    _trouble: Exception | None = field(default=None, init=False)
    _bytes: int = field(default=0, init=False)
    _on_way: deque[tuple[asyncio.Task[None], int]] = field(default_factory=deque, init=False)
    _is_much: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _counter: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way."""
        return any(not writing.done() for writing, _ in self._on_way)

    @property
    def is_behind(self) -> bool:
        """Whether something does not count yet."""
        return bool(self._bytes or self._on_way)

    async def takes(self, at: int, run: bytes) -> bool:
        """Whether it fills chunks, and chunks have all before them: what is kept as pieces is written once more."""
        known = self.known
        if len(run) < CHUNK_BYTES or (at + len(run)) % CHUNK_BYTES:
            return False
        if known.folding is not None:
            await asyncio.wait((known.folding,))
        if known.arriving.folded + self._sent != at - at % CHUNK_BYTES:
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
        if claimed.writer > 1:  # before the first nobody wrote ahead
            await self.pieces.clear(id, at, claimed.writer)
        known.arriving, known.claim = claimed, claimed.writer

    async def write(self, at: int, run: bytes, *, counts_at_once: bool) -> None:
        """Have what it takes on its way, with what has been received of the chunk before."""
        known, start = self.known, at - at % CHUNK_BYTES
        whole = run if start == at else await self._before(at) + run
        await self._are_written(MOST_ON_WAY - 1)
        self.check()
        self._on_way.append((asyncio.create_task(self._write(start, at, whole)), len(whole)))
        await asyncio.sleep(0)  # it is hashed while the database has it
        known.read(run)
        known.begun = b""
        if counts_at_once:
            await self.count()
            return
        if self._sent >= MOST_AHEAD:
            self._is_much.set()
        if self._counter is None or self._counter.done():
            self._counter = asyncio.create_task(self._count_soon())

    async def count(self, *, waits: bool = True) -> None:
        """What was written ahead counts: all of it, or what is not on its way any more.

        Once some of it does not, nothing behind it does: whoever asks later hears why.
        """
        async with self._turn:
            self.check()
            try:
                await self._count(0 if waits else len(self._on_way))
            except Exception as trouble:
                self._trouble = trouble
                raise

    async def _count(self, most_on_way: int) -> None:
        await self._are_written(most_on_way)
        known, ahead = self.known, self._bytes
        if not ahead:
            return
        until = known.arriving.folded + ahead
        appended = await self.pieces.count(known.arriving, until, known.claim or 0)
        if appended.outcome is Outcome.KEPT:
            known.offset = until
        self._bytes -= ahead
        if appended.outcome is Outcome.OVER:  # who ended it may have looked before this was written
            self._trouble = Over()
            await self.settled()
            await self.pieces.clear(known.arriving.part.id, appended.folded, (known.claim or 0) + 1)
        self.became(appended, known.offset)

    def check(self) -> None:
        """Raise why what was written did not come to count, if it did not."""
        if self._trouble is not None:
            raise self._trouble

    async def settled(self) -> None:
        """Nothing is on its way any more, whatever became of it."""
        if self._on_way:
            await asyncio.wait([writing for writing, _ in self._on_way])

    def close(self) -> None:
        """Nobody waits for what is not counted yet."""
        if self._counter is not None and not self._counter.cancel() and not self._counter.cancelled():
            self._counter.exception()  # it was raised, or something before it
        for writing, _ in self._on_way:
            writing.exception()

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
        while self.is_behind:
            self._is_much.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(MOST_AHEAD_SECONDS if self._sent < MOST_AHEAD else 0):
                    await self._is_much.wait()
            await self.count(waits=False)

    @property
    def _sent(self) -> int:
        """How much is written or on its way, and does not count yet."""
        return self._bytes + sum(size for _, size in self._on_way)

    async def _write(self, start: int, at: int, whole: bytes) -> None:
        known = self.known
        with memoryview(whole) as held:
            chunks = [held[begin : begin + CHUNK_BYTES] for begin in range(0, len(whole), CHUNK_BYTES)]
            if not await self.pieces.write_ahead(known.arriving, start // CHUNK_BYTES, chunks, known.claim or 0):
                raise OffsetMismatch(at, at)

    async def _are_written(self, most: int) -> None:
        """No more than so many are on their way; what was written first is behind nothing that was not."""
        while self._on_way and (len(self._on_way) > most or self._on_way[0][0].done()):
            first = self._on_way[0]
            await asyncio.shield(first[0])
            if self._on_way and self._on_way[0] is first:
                self._on_way.popleft()
                self._bytes += first[1]
