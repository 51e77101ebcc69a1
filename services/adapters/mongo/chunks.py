"""A stream, cut into GridFS chunks that are written while more arrives."""

import asyncio
import hashlib
from typing import Any, Self

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from services.adapters.mongo.documents import Document

CHUNK_BYTES = 255 * 1024


class ChunkWriter:
    """Holds the chunk that fills and the one that is on its way; leaving it waits for the latter."""

    def __init__(self, chunks: AsyncCollection[Document], file_id: ObjectId) -> None:
        self.size = 0
        self.count = 0
        self._chunks = chunks
        self._file_id = file_id
        self._digest = hashlib.sha256()
        self._buffer = bytearray()
        self._on_its_way: asyncio.Task[Any] | None = None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)
        self._buffer += piece
        while len(self._buffer) >= CHUNK_BYTES:
            await self._send()

    async def finish(self) -> None:
        """Write what is left; all chunks are confirmed once this returns."""
        if self._buffer:
            await self._send()
        await self._arrival()

    async def _send(self) -> None:
        chunk = {"files_id": self._file_id, "n": self.count, "data": bytes(self._buffer[:CHUNK_BYTES])}
        del self._buffer[:CHUNK_BYTES]
        self.count += 1
        await self._arrival()
        self._on_its_way = asyncio.create_task(self._chunks.insert_one(chunk))

    async def _arrival(self) -> None:
        if self._on_its_way is not None:
            await asyncio.wait({self._on_its_way})
            self._on_its_way.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """A chunk that is written after its file was deleted would stay: nothing is left on its way."""
        if self._on_its_way is not None:
            await asyncio.wait({self._on_its_way})
            self._on_its_way.cancelled() or self._on_its_way.exception()
