"""The uploads that this process takes in: one write says of all of them that they still arrive."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from services.background import Background, Kind
from services.errors import StoreUnavailable
from services.interviews.model import PartId
from services.recordings.ports.records import Uploads


def touch_seconds(idle_seconds: float) -> float:
    """How often uploads are said to arrive, where silence of `idle_seconds` ends one."""
    return idle_seconds / 3


@dataclass(slots=True, kw_only=True)
class UploadHeartbeats:
    uploads: Uploads
    seconds: float = 10.0
    background: Background = field(default_factory=Background)
    _here: set[PartId] = field(default_factory=set, init=False)
    _lost: set[PartId] = field(default_factory=set, init=False)
    _telling: asyncio.Task[None] | None = field(default=None, init=False)

    @contextmanager
    def one(self, id: PartId) -> Iterator[None]:
        """While it lasts, the upload is said to arrive."""
        self._here.add(id)
        if self._telling is None or self._telling.done():
            self._telling = self.background.start(Kind.TOUCHES, self._tell)
        try:
            yield
        finally:
            self._here.discard(id)
            self._lost.discard(id)

    def is_lost(self, id: PartId) -> bool:
        """Whether the sweep has given the upload up."""
        return id in self._lost

    async def _tell(self) -> None:
        while self._here:
            await asyncio.sleep(self.seconds)
            with suppress(StoreUnavailable):
                self._lost |= await self.uploads.touch(frozenset(self._here)) & self._here
