"""What a process remembers of the recordings that arrive at it, so that an append needs no question to the store."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from services.errors import UploadInUse, UploadTakenOver
from services.interviews.model import PartId
from services.recordings.formats import Container
from services.recordings.ports.arrivals import Arriving
from services.recordings.ports.audio import CHUNK_BYTES

MOST_KNOWN = 5_000
# Of how many the begun chunk is held, for the next request to go on with.
MOST_BEGUN = 32
AGAIN_SECONDS = 1.0
# A connection whose network is gone is no longer heard of, and ends much later.
SILENT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a recording on its way: its sum, and what begins it, where that could be told."""

    sha256: str
    container: Container | None


@dataclass(slots=True)
class Known:
    """A recording as it was seen last; `digest` is of its first `digested` bytes, if they all came this way, and
    `container` is what they begin.

    `claim`: the writer's number under which this process alone may append. `begun`: the chunk that goes on at `offset`,
    as far as it is known, if it is held. Whether a worker is to be rung for is asked with so many bytes, but not before
    `ring_after`, or with any once it is so late; `rung_for` is what was due as it was rung for last.
    """

    arriving: Arriving
    offset: int
    heard_at: float
    digest: Any | None = None
    digested: int = 0
    container: Container | None = None
    claim: int | None = None
    begun: bytes = b""
    folding: asyncio.Future[None] | None = None
    ring_with: int = 0
    ring_at: float | None = None
    ring_after: float = 0.0
    rung_for: int = -1
    told_at: float = float("-inf")

    def __post_init__(self) -> None:
        if self.offset == 0:
            self.digest = hashlib.sha256()

    @property
    def full_chunks(self) -> int:
        """How many chunks can be made of the pieces."""
        return self.offset // CHUNK_BYTES - self.arriving.folded // CHUNK_BYTES

    def received(self, data: bytes) -> None:
        """These bytes are kept by a majority, behind those before."""
        self.read(data)
        self.offset += len(data)

    def read(self, data: bytes | bytearray) -> None:
        """These bytes have come, behind those before; they may count later."""
        if self.digest is not None:
            self.digest.update(data)
            self.digested += len(data)

    def goes_on(self, at: int, data: bytes) -> None:
        """These bytes were received behind the first `at`: hold what they begin of a chunk."""
        inside = at % CHUNK_BYTES
        is_known, end = len(self.begun) == inside, inside + len(data)
        self.begun = self.begun + data if is_known and self.claim is not None and end < CHUNK_BYTES else b""

    def learned(self, length: int | None, folded: int = 0) -> None:
        """So long will it be, and so much of it is in chunks: that may have been said to, or done by, another."""
        arriving = self.arriving
        if (length is not None and arriving.length is None) or folded > arriving.folded:
            length = arriving.length if arriving.length is not None else length
            self.arriving = replace(arriving, length=length, folded=max(folded, arriving.folded))

    def seen_of(self, size: int) -> Seen | None:
        """What was seen of so many bytes, if they all came this way."""
        if self.digest is None or not self.offset == self.digested == size:
            return None
        return Seen(str(self.digest.hexdigest()), self.container)


@dataclass(slots=True)
class Turn:
    """A request that sends to a recording."""

    clock: Callable[[], float]
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    _gives_way: bool = False
    _waiting: asyncio.Timeout | None = None
    _since: float = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether more has been waited for in vain for a while."""
        return self._waiting is not None and self.clock() - self._since >= SILENT_SECONDS

    def give_way(self) -> None:
        """A newer request wants the turn: nothing more is waited for."""
        has_begun, self._gives_way = self._gives_way, True
        if self._waiting is not None and not has_begun:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def until_taken_over(self, data: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """The data; UploadTakenOver once a newer request wants the turn."""
        while (piece := await self._next(data)) is not None:
            yield piece

    async def _next(self, data: AsyncIterator[bytes]) -> bytes | None:
        if self._gives_way:
            raise UploadTakenOver
        self._since = self.clock()
        try:
            async with asyncio.timeout(None) as self._waiting:
                return await anext(data, None)
        except TimeoutError:
            if self._waiting is None or not self._waiting.expired():
                raise
            raise UploadTakenOver from None
        finally:
            self._waiting = None


@dataclass(slots=True, kw_only=True)
class KnownArrivals:
    """The recordings that this process knows of late, and who sends to each now."""

    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[PartId, Known] = field(default_factory=OrderedDict, init=False)
    _begun: OrderedDict[PartId, Known] = field(default_factory=OrderedDict, init=False)
    _turns: dict[PartId, Turn] = field(default_factory=dict, init=False)

    def get(self, id: PartId) -> Known | None:
        known = self._known.get(id)
        if known is not None:
            self._known.move_to_end(id)
        return known

    def keep(self, known: Known) -> Known:
        self._known[known.arriving.part.id] = known
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return known

    def forget(self, id: PartId) -> None:
        self._known.pop(id, None)
        self._begun.pop(id, None)

    def bound(self, known: Known) -> None:
        """Hold the begun chunks of few recordings only: those that came last."""
        self._begun.pop(known.arriving.part.id, None)
        if known.begun:
            self._begun[known.arriving.part.id] = known
        while len(self._begun) > MOST_BEGUN:
            _, oldest = self._begun.popitem(last=False)
            oldest.begun = b""

    async def end_silent(self, id: PartId) -> bool:
        """End the request that sends to it here and is silent; whether there was one."""
        turn = self._turns.get(id)
        if turn is None or not turn.is_silent:
            return False
        turn.give_way()
        await turn.is_over.wait()
        return True

    @asynccontextmanager
    async def turn(self, id: PartId, *, takes_over: bool) -> AsyncIterator[Turn]:
        """Be the only one here who sends to it; UploadInUse, unless it is taken over from who does, or he is silent."""
        while (other := self._turns.get(id)) is not None:
            if not (takes_over or other.is_silent):
                raise UploadInUse(retry_after=AGAIN_SECONDS)
            other.give_way()
            await other.is_over.wait()
        self._turns[id] = turn = Turn(self.clock)
        try:
            yield turn
        finally:
            del self._turns[id]
            turn.is_over.set()
