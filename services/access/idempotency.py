"""Doing a request once: who sends it again with the same key gets the first one's answer.

1. hold the key, which also names what the request will make, before anything is made;
2. answer the request, and give signs of life meanwhile;
3. keep the answer if it is final; else let go, and the next request with the key tries again.

If the holder dies between 2 and 3, the next one finds by that name what was made.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import structlog

from services.access.ports import Hold, IdempotencyKeys, Kept, Keyed
from services.background import Background, Kind
from services.errors import IdempotencyInFlight, IdempotencyKeyInvalid, IdempotencyMismatch, StoreUnavailable
from services.interviews.model import Part, PartId, new_part_id

log = structlog.get_logger(__name__)

LONGEST_KEY = 255
MOST_KEPT_BYTES = 64 * 1024
LEASE_SECONDS = 15.0
BODY_CAUSED = frozenset({400, 413, 415, 422})


def check_key(key: str) -> str:
    """The key; IdempotencyKeyInvalid if it is none."""
    if not 0 < len(key) <= LONGEST_KEY or not all("!" <= letter <= "~" for letter in key):
        raise IdempotencyKeyInvalid
    return key


def is_final(status: int) -> bool:
    """Whether the same request would always be answered so: done, or refused for what its body says."""
    return 200 <= status < 300 or status in BODY_CAUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    idempotency_keys: IdempotencyKeys
    recover: Callable[[PartId], Awaitable[Part | None]]
    beat_seconds: float = LEASE_SECONDS / 3
    background: Background = field(default_factory=Background)

    async def begin(self, request: Keyed) -> Hold | Kept:
        """Hold the key, or the answer that is kept; IdempotencyInFlight or IdempotencyMismatch."""
        return await self.idempotency_keys.hold(request, new_part_id())

    @asynccontextmanager
    async def holding(self, hold: Hold) -> AsyncIterator[None]:
        """Keep the hold meanwhile, and let go of it at the end, however that comes."""
        beating = self.background.start(Kind.HOLDS, lambda: self._beat(hold))
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.shield(self._release(hold))

    async def keep(self, hold: Hold, answer: Kept) -> None:
        """Keep a final answer; what cannot be kept is found again by the name of what was made."""
        if not is_final(answer.status) or len(answer.body) > MOST_KEPT_BYTES:
            return
        try:
            await self.idempotency_keys.keep(hold, answer)
        except StoreUnavailable:
            log.warning("answer not kept for a replay", made=hold.made_id)

    async def resume(self, hold: Hold) -> tuple[Hold, Part | None]:
        """The part that an earlier try had accepted, if any; else it never will be, and the hold has a new name."""
        if not hold.resumed:
            return hold, None
        part = await self.recover(PartId(hold.made_id))
        if part is not None:
            return hold, part
        return await self.renamed(hold, new_part_id()), None

    async def renamed(self, hold: Hold, made_id: PartId) -> Hold:
        """The hold with another name for what the request makes; IdempotencyInFlight if the hold is lost."""
        if not await self.idempotency_keys.rename(hold, made_id):
            raise IdempotencyInFlight(retry_after=1)
        return replace(hold, made_id=made_id)

    async def _beat(self, hold: Hold) -> None:
        while True:
            await asyncio.sleep(self.beat_seconds)
            try:
                await self.idempotency_keys.beat(hold)
            except StoreUnavailable:
                log.warning("hold not confirmed", made=hold.made_id)

    async def _release(self, hold: Hold) -> None:
        try:
            await self.idempotency_keys.release(hold)
        except StoreUnavailable:
            log.warning("hold left to its lease", made=hold.made_id)


def refuse_mismatch(expected: str | None, found: str) -> None:
    """IdempotencyMismatch if the body is not the one that was sent first."""
    if expected != found:
        raise IdempotencyMismatch
