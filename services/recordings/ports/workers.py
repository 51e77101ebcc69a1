"""How workers are woken, and how they are seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.interviews.model import PartId


class Doorbell(Protocol):
    """Wakes a worker. Losing or doubling a ring must not matter; none of these raises."""

    async def transcribe(self, id: PartId, *, first: bool = False) -> bool:
        """False if the ring was not heard; the sweep rings again. What is `first` is heard before all that is not."""

    async def score(self, id: PartId) -> bool: ...

    async def deliver(self) -> bool:
        """There is something to send to webhooks."""

    async def waiting(self) -> int | None:
        """Rings to transcribe that nobody has heard yet; None if no ring can be left now."""


@dataclass(frozen=True, slots=True)
class WorkerSign:
    """A worker's sign of life."""

    name: str
    engine: str
    slots: int
    seen_at: datetime | None = None


class Workers(Protocol):
    async def seen(self, sign: WorkerSign) -> None: ...

    async def gone(self, name: str) -> None: ...

    async def alive(self) -> list[WorkerSign]:
        """The workers that gave a sign lately."""
