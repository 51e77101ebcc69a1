"""What seals recordings while they arrive: held for a while, so that not each piece asks for its key."""

import asyncio
import time
from collections import OrderedDict

from services.adapters.mongo.sealing import Sealing
from services.interviews.model import PartId
from services.recordings.sealing import Envelope, Seal

KEPT_SECONDS = 60.0


class Seals:
    """The seals of recordings of which something came within the last minute."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._known: OrderedDict[PartId, tuple[Seal, float]] = OrderedDict()
        self._forgetting: asyncio.TimerHandle | None = None

    async def of(self, id: PartId, envelope: Envelope | None) -> Seal | None:
        """None where it is not sealed. AudioKeyGone, KeyringUnavailable."""
        if envelope is None:
            return None
        known = self._known.pop(id, None)
        seal = known[0] if known else await self._sealing.opened(id, envelope)
        self._known[id] = seal, time.monotonic()
        if self._forgetting is None:
            self._forgetting = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget)
        return seal

    def _forget(self) -> None:
        self._forgetting, old = None, time.monotonic() - KEPT_SECONDS
        while self._known and next(iter(self._known.values()))[1] <= old:
            self._known.popitem(last=False)
        if self._known:
            self._forgetting = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget)
