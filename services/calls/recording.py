"""One side of a call, from its packets to its recording: pages of about a second, each of which counts once a
majority has it.

Any process may go on where another one was: behind the last whole page that is kept. Of two that do so at once one
is told that it was taken over. While the store does not answer, what comes is kept here, within bounds.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog

from services.calls.model import Line, Tally
from services.calls.packets.ogg import MOST_PAGE_BYTES, whole_pages
from services.calls.packets.side import Side
from services.errors import (
    AudioTooLarge,
    CallTakenOver,
    OffsetMismatch,
    Problem,
    UploadComplete,
    UploadGone,
    UploadNotFound,
    UploadTakenOver,
)
from services.interviews.model import Viewer
from services.recordings.arrivals import Arrivals

log = structlog.get_logger(__name__)

PAGES_SECONDS = 0.25
AGAIN_SECONDS = 1.0
MOST_WAITING = 512
MOST_UNSAVED = 1024 * 1024


class Over(StrEnum):
    """Why nothing more is taken in here."""

    ENDED = "ended"  # the side is whole: its stream has its end
    LEFT = "left"  # another process may go on
    ELSEWHERE = "elsewhere"  # it was finished or given up by another


@dataclass(slots=True, kw_only=True)
class SideRecording:
    """`clock` is the call's; `foreign` counts what came from somebody else."""

    arrivals: Arrivals
    viewer: Viewer
    line: Line
    clock: Callable[[], float]
    buffer_seconds: float
    foreign: int = 0
    _kept: Tally = field(init=False)
    _before: Tally = field(init=False)
    _counted: Tally = field(init=False)
    _waiting: deque[tuple[bytes, float]] = field(default_factory=deque, init=False)
    _waiting_bytes: int = field(default=0, init=False)
    _left_out: int = field(default=0, init=False)
    _stream: Side | None = field(default=None, init=False)
    _at: int = field(default=0, init=False)
    _unsaved: bytes = field(default=b"", init=False)
    _over: Over | None = field(default=None, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self._kept = self._before = self._counted = self.line.tally

    def take(self, data: bytes, arrived: float) -> None:
        """Take in a packet; what comes before the stream is at hand waits. What is too much is left out."""
        if self._stream is None:
            self._wait(data, arrived)
        elif self._is_full(self._stream):
            self._left_out += 1
        else:
            self._stream.take(data, arrived)

    def _wait(self, data: bytes, arrived: float) -> None:
        self._waiting.append((data, arrived))
        self._waiting_bytes += len(data)
        while len(self._waiting) > MOST_WAITING or self._waiting_bytes > MOST_UNSAVED:
            self._waiting_bytes -= len(self._waiting.popleft()[0])
            self._left_out += 1

    def _is_full(self, stream: Side) -> bool:
        """Whether as much is held here as may be: the store does not answer, or more comes than it takes."""
        return len(self._unsaved) + stream.unsettled > MOST_UNSAVED

    def end(self) -> None:
        """All of it has come."""
        self._stop(Over.ENDED)

    def leave(self) -> None:
        """Nothing more comes here."""
        self._stop(Over.LEFT)

    @property
    def is_over(self) -> bool:
        return self._over is not None

    @property
    def seconds(self) -> float:
        """How long its stream is."""
        return 0.0 if self._stream is None else self._stream.counts.seconds

    @property
    def tally(self) -> Tally:
        """Of sounds those that are kept, so that whoever goes on is told no more; of all else what came until now."""
        if self._stream is None:
            return replace(self._kept, foreign=self._before.foreign + self.foreign)
        now = self._sum(self._stream)
        return replace(
            self._kept, late=now.late, doubled=now.doubled, skipped=now.skipped, foreign=now.foreign, odd=now.odd
        )

    async def run(self) -> Over:
        """Until its end, or until nothing more comes here; CallTakenOver, and what makes the store refuse it."""
        while True:
            try:
                await self._append()
            except (UploadTakenOver, OffsetMismatch):
                raise CallTakenOver from None
            except (UploadComplete, UploadGone, UploadNotFound):
                return Over.ELSEWHERE
            except AudioTooLarge:
                log.warning("a side of a call is as long as a recording may be", part=self.line.part_id)
                return Over.ENDED
            except Problem as problem:
                is_full = self._stream is not None and self._is_full(self._stream)
                if not problem.retryable or self._over is Over.LEFT or is_full:
                    raise
                log.warning("a side of a call waits for the store", part=self.line.part_id, code=problem.code)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return self._over or Over.LEFT

    async def _append(self) -> None:
        arrival = await self.arrivals.find(self.line.part_id, self.viewer)
        if arrival.is_complete:
            raise UploadComplete
        if self._stream is None:
            await self._resume(arrival.offset)
        elif arrival.offset != self._at:
            await self._look_what_is_kept(arrival.offset - self._at)
        async with aclosing(self._pages()) as pages:
            await self.arrivals.append(
                self.line.part_id, self.viewer, self._at, pages, takes_over=True, told=lambda _: self._saved()
            )

    async def _look_what_is_kept(self, more: int) -> None:
        """Of what was handed out last all or a part may be kept though nobody said so. CallTakenOver."""
        is_own = 0 < more <= len(self._unsaved)
        if not is_own or await self.arrivals.tail(self.line.part_id, self.viewer, more) != self._unsaved[:more]:
            raise CallTakenOver
        if more == len(self._unsaved):
            self._saved()
        else:
            self._at, self._unsaved = self._at + more, self._unsaved[more:]

    async def _resume(self, offset: int) -> None:
        """Go on behind what is kept, with what came meanwhile."""
        tail = await self.arrivals.tail(self.line.part_id, self.viewer, 2 * MOST_PAGE_BYTES)
        stream = Side.resumed(
            whole_pages(tail),
            buffer_seconds=self.buffer_seconds,
            payload_type=self.line.payload_type,
            counted=self._before.seconds,
            last_sequence=self._before.last_sequence,
        )
        self._at = offset
        self._counted = self._sum(stream)
        if stream.is_closed:
            self._kept = self._counted
        while self._waiting:
            stream.take(*self._waiting.popleft())
        self._stream = stream

    async def _pages(self) -> AsyncGenerator[bytes, None]:
        """What is settled, as it is settled; each piece is kept once the next one is asked for."""
        stream = self._stream
        assert stream is not None  # noqa: S101  `_append` has seen to it
        if self._unsaved:
            yield self._unsaved
        while True:
            over, now = self._over, self.clock()
            pages = _settled(stream, over, now)
            if pages:
                self._unsaved, self._counted = pages, self._sum(stream)
                yield pages
            if over is not None:
                return
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), PAGES_SECONDS)
            except TimeoutError:
                continue

    def _saved(self) -> None:
        """What was handed out last is kept by a majority."""
        self._at += len(self._unsaved)
        self._unsaved, self._kept = b"", self._counted

    def _sum(self, stream: Side) -> Tally:
        """What came in all, also by way of the processes before."""
        before, counts = self._before, stream.counts
        odd = {**before.odd}
        for reason, count in counts.odd.items():
            odd[reason.value] = odd.get(reason.value, 0) + count
        return Tally(
            packets=before.packets + counts.settled,
            recovered=before.recovered + counts.recovered,
            lost=before.lost + counts.lost,
            late=before.late + counts.late,
            doubled=before.doubled + counts.doubled,
            skipped=before.skipped + counts.skipped + self._left_out,
            restarts=before.restarts + counts.restarts,
            foreign=before.foreign + counts.foreign + self.foreign,
            filled=round(before.filled + counts.filled, 3),
            odd=odd,
            seconds=round(counts.settled_seconds, 3),
            jitter=round(counts.jitter, 6),
            last_sequence=before.last_sequence if counts.settled_sequence is None else counts.settled_sequence,
            last_arrived=before.last_arrived if counts.last_arrived is None else counts.last_arrived,
        )

    def _stop(self, over: Over) -> None:
        if self._over is None:
            self._over = over
            self._news.set()


def _settled(stream: Side, over: Over | None, now: float) -> bytes:
    match over:
        case None:
            return stream.pages(now)
        case Over.ENDED:
            return stream.close(now)
        case _:
            return stream.leave(now)
