"""Slices of a recording, which come in any order, doubled or late, put into their order.

What is contiguous from the first on is received: its bytes go where appends go, and what waits behind it follows.
Whoever makes the next one contiguous moves it; two who do the same at once leave the same.
"""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from services.errors import OffsetMismatch, SliceDiffers, StoreUnavailable, UploadTakenOver
from services.interviews.model import PartId
from services.recordings.ports.arrivals import Arriving, KeptSlice, Pieces, Slice, Slices, SliceState

# Of two who take a recording over from each other, one waits for longer.
AGAIN_SECONDS, MOST_SECONDS = 0.05, 1.0

Append = Callable[[Arriving, int, bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """`append` keeps bytes behind those that are received; OffsetMismatch where they are not as many, UploadTakenOver
    where another one appends too.
    """

    pieces: Pieces
    slices: Slices
    append: Append
    _locks: dict[PartId, asyncio.Lock] = field(default_factory=dict, init=False)

    async def put(self, arriving: Arriving, slice: Slice, data: bytes) -> None:
        """Take in a slice; SliceDiffers where another one of its number came."""
        id, sha256 = arriving.part.id, hashlib.sha256(data).hexdigest()
        known = await self.slices.announce(id, slice, len(data), sha256)
        if known.sha256 not in ("", sha256):
            raise SliceDiffers
        lock = self._locks.setdefault(id, asyncio.Lock())
        try:
            async with lock:
                if known.state is SliceState.ANNOUNCED:
                    await self._place(arriving, known, data)
                await self.move_what_waits(arriving)
        finally:
            if not lock.locked():
                self._locks.pop(id, None)

    async def move_what_waits(self, arriving: Arriving) -> None:
        """Go on for as long as the next one is here; behind what another has just moved more may wait."""
        before = None
        while (head := await self.slices.head(arriving.part.id)) != before:
            before, following = head, await self.slices.one(arriving.part.id, head.count)
            if following is None or following.state is SliceState.ANNOUNCED:
                return
            waits = following.state is SliceState.WAITING
            data = await self.slices.data(arriving, following.index) if waits else None
            if data is not None:
                await self._move(arriving, following.index, head.size, data)

    async def _place(self, arriving: Arriving, known: KeptSlice, data: bytes) -> None:
        head = await self.slices.head(arriving.part.id)
        if known.index == head.count:
            await self._move(arriving, known.index, head.size, data)
        else:
            await self.slices.keep(arriving, known.index, data)

    async def _move(self, arriving: Arriving, index: int, start: int, data: bytes) -> None:
        id, seconds = arriving.part.id, AGAIN_SECONDS
        while (offset := await self.pieces.offset(id)) < start + len(data):
            at = max(offset, start)
            try:
                await self.append(arriving, at, data[at - start :])
            except OffsetMismatch:
                if offset < start:
                    raise StoreUnavailable from None
            except UploadTakenOver:
                await asyncio.sleep(random.uniform(0, seconds))
                seconds = min(2 * seconds, MOST_SECONDS)
        await self.slices.received(id, index, start + len(data))
