"""Recordings in memory, sealed like others where there are keys."""

import hashlib
from collections.abc import AsyncIterator, Mapping

from services.errors import AudioMissing, KeyringUnavailable
from services.interviews.model import PartId
from services.recordings.keys import Keys
from services.recordings.ports.audio import Deletion, Stored
from services.recordings.sealing import Envelope, Seal, new_seal, opened
from tests.fakes.memory import Memory


class FakeAudio:
    def __init__(self, memory: Memory, keys: Keys | None = None) -> None:
        self._memory = memory
        self._keys = keys

    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        pieces = self._memory.chunks.setdefault(id, [])
        digest = hashlib.sha256()
        key = await self._keys.newest() if self._keys else None
        seal, envelope = new_seal(id, key.key) if key else (None, None)
        async for piece in data:
            digest.update(piece)
            pieces.append(b"".join(seal.seal(len(pieces), piece)) if seal else piece)
        sealed = {"envelope": envelope, "epoch": envelope.epoch} if envelope else {}
        self._memory.files[id] = {**metadata, **sealed, "upload_date": self._memory.clock.now}
        if self._keys and key and await self._keys.is_doomed(key):
            raise KeyringUnavailable
        return Stored(digest.hexdigest(), self._size(id), envelope.epoch if envelope else None)

    async def keep(self, id: PartId, data: bytes, metadata: Mapping[str, object]) -> Stored:
        async def whole() -> AsyncIterator[bytes]:
            yield data

        return await self.store(id, whole(), metadata)

    async def is_whole(self, id: PartId, stored: Stored) -> bool:
        return id in self._memory.files and self._size(id) == stored.size

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        if id not in self._memory.files:
            raise AudioMissing
        seal = await self._seal(id)
        for n, piece in enumerate(list(self._memory.chunks.get(id, []))):
            plain = seal.open(n, piece[:-16], piece[-16:]) if seal else piece
            if start < len(plain):
                yield plain[start:]
            start = max(0, start - len(plain))

    async def mark(self, id: PartId, status: str) -> None:
        if id in self._memory.files:
            self._memory.files[id]["status"] = status

    async def delete(self, id: PartId) -> Deletion:
        file = self._memory.files.pop(id, None)
        envelope = (file or {}).get("envelope")
        epoch = envelope.epoch if isinstance(envelope, Envelope) else None
        chunks = sum(len(each.pop(id, [])) for each in self._memory.bytes_of_parts)
        return Deletion(int(file is not None), chunks, 0, self._memory.clock.now, epoch)

    async def stored(self, id: PartId) -> tuple[int, int]:
        return int(id in self._memory.files), sum(len(each.get(id, [])) for each in self._memory.bytes_of_parts)

    async def orphaned_files(self) -> AsyncIterator[list[PartId]]:
        for id in list(self._memory.files):
            yield [id]

    async def orphaned_chunks(self) -> AsyncIterator[list[PartId]]:
        for id in [id for id, pieces in self._memory.chunks.items() if pieces and id not in self._memory.files]:
            yield [id]
        for stored in (self._memory.ahead, self._memory.pieces, self._memory.waiting):
            for id in [id for id, pieces in stored.items() if pieces]:
                yield [id]

    async def _seal(self, id: PartId) -> Seal | None:
        envelope = self._memory.files[id].get("envelope")
        if not isinstance(envelope, Envelope):
            return None
        if self._keys is None:
            raise KeyringUnavailable
        return opened(id, envelope, await self._keys.find(envelope.epoch))

    def _size(self, id: PartId) -> int:
        tags = 16 if "envelope" in self._memory.files[id] else 0
        return sum(len(piece) - tags for piece in self._memory.chunks.get(id, []))
