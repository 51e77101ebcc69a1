"""The doorbell of the workers and their signs of life, in memory."""

from dataclasses import replace

from services.interviews.model import PartId
from services.recordings.ports.workers import WorkerSign
from tests.fakes.memory import Memory


class FakeDoorbell:
    """Keeps the rings that nobody has heard; rings are lost while it is broken."""

    def __init__(self) -> None:
        self.to_transcribe: list[PartId] = []
        self.to_score: list[PartId] = []
        self.first: list[PartId] = []
        self.to_deliver = 0
        self.broken = False

    async def transcribe(self, id: PartId, *, first: bool = False) -> bool:
        self.first += [id] if first else []
        return self._ring(self.to_transcribe, id)

    async def score(self, id: PartId) -> bool:
        return self._ring(self.to_score, id)

    async def deliver(self) -> bool:
        self.to_deliver += not self.broken
        return not self.broken

    async def waiting(self) -> int | None:
        return None if self.broken else len(self.to_transcribe)

    def _ring(self, rings: list[PartId], id: PartId) -> bool:
        if not self.broken:
            rings.append(id)
        return not self.broken


class FakeWorkers:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def seen(self, sign: WorkerSign) -> None:
        self._memory.workers[sign.name] = replace(sign, seen_at=self._memory.clock.now)

    async def gone(self, name: str) -> None:
        self._memory.workers.pop(name, None)

    async def alive(self) -> list[WorkerSign]:
        return [sign for sign in self._memory.workers.values() if not self._memory.clock.is_past(sign.seen_at, 15.0)]
