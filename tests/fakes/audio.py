"""Recordings in memory."""

import hashlib
from collections.abc import AsyncIterator, Mapping

from services.errors import AudioMissing
from services.interviews.model import PartId
from services.recordings.ports.audio import Deletion, Stored
from tests.fakes.memory import Memory


class FakeAudio:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        pieces = self._memory.chunks.setdefault(id, [])
        async for piece in data:
            pieces.append(piece)
        whole = b"".join(pieces)
        self._memory.files[id] = {**metadata, "upload_date": self._memory.clock.now}
        return Stored(hashlib.sha256(whole).hexdigest(), len(whole))

    async def is_whole(self, id: PartId, stored: Stored) -> bool:
        return id in self._memory.files and sum(map(len, self._memory.chunks.get(id, []))) == stored.size

    async def read(self, id: PartId) -> AsyncIterator[bytes]:
        if id not in self._memory.files:
            raise AudioMissing
        for piece in list(self._memory.chunks.get(id, [])):
            yield piece

    async def mark(self, id: PartId, status: str) -> None:
        if id in self._memory.files:
            self._memory.files[id]["status"] = status

    async def delete(self, id: PartId) -> Deletion:
        files = 0 if self._memory.files.pop(id, None) is None else 1
        return Deletion(files, len(self._memory.chunks.pop(id, [])), 0)

    async def orphaned_files(self) -> AsyncIterator[list[PartId]]:
        for id in list(self._memory.files):
            yield [id]

    async def orphaned_chunks(self) -> AsyncIterator[list[PartId]]:
        for id in [id for id, pieces in self._memory.chunks.items() if pieces and id not in self._memory.files]:
            yield [id]
