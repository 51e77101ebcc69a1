"""A stream, cut into GridFS chunks that are written while more arrives."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any, Self

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import DEADLINE_SECONDS, confirmed
from services.adapters.mongo.sealing import contents
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.sealing import Seal

MOST_AT_ONCE = 2


def cut(file_id: ObjectId, data: bytes, seal: Seal | None = None) -> Iterator[Document]:
    """The documents that keep these bytes, in order; all but the last are full."""
    for n, start in enumerate(range(0, len(data), CHUNK_BYTES)):
        with memoryview(data) as held, held[start : start + CHUNK_BYTES] as plain:
            yield {"files_id": file_id, "n": n, **contents(seal, n, plain)}


class ChunkWriter:
    """Holds what fills and what is on its way, two chunks each at most; leaving it waits for the latter.

    A chunk goes as soon as it is full and nothing is on its way, so a slow sender never fills two.
    """

    def __init__(self, chunks: AsyncCollection[Document], file_id: ObjectId, seal: Seal | None = None) -> None:
        self.size = 0
        self.count = 0
        self._chunks = chunks
        self._file_id = file_id
        self._seal = seal
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
        while len(self._buffer) >= (MOST_AT_ONCE if self._is_busy() else 1) * CHUNK_BYTES:
            await self._send(len(self._buffer) // CHUNK_BYTES)

    async def finish(self) -> None:
        """Write what is left; the primary has confirmed all once this returns."""
        while self._buffer:
            await self._send(MOST_AT_ONCE)
        await self._arrival()

    def _is_busy(self) -> bool:
        return self._on_its_way is not None and not self._on_its_way.done()

    async def _send(self, most: int) -> None:
        chunks = [self._cut() for _ in range(min(most, MOST_AT_ONCE)) if self._buffer]
        await self._arrival()
        self._on_its_way = asyncio.create_task(self._chunks.insert_many(chunks))

    def _cut(self) -> Document:
        with memoryview(self._buffer) as held, held[:CHUNK_BYTES] as plain:
            chunk = {"files_id": self._file_id, "n": self.count, **contents(self._seal, self.count, plain)}
        del self._buffer[:CHUNK_BYTES]
        self.count += 1
        return chunk

    async def _arrival(self) -> None:
        if self._on_its_way is not None:
            async with confirmed():
                await asyncio.shield(self._on_its_way)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """A chunk that is written after its file was deleted would stay: nothing is left on its way."""
        if self._on_its_way is not None:
            await asyncio.wait({self._on_its_way}, timeout=DEADLINE_SECONDS)
            self._on_its_way.cancel()
            await asyncio.gather(self._on_its_way, return_exceptions=True)
