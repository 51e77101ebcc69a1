"""Many small documents in one insert: what is to be kept waits while the ones before are on their way."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.errors import StoreUnavailable

# Of more the process would be held up for long in one go, as they are written and as their senders are woken.
MOST_DOCUMENTS, MOST_BYTES = 64, 4 * 1024 * 1024
MOST_ON_WAY = 8
# So many of them are woken in one turn of the loop, and others have theirs between two.
MOST_WOKEN = 4
# Where several come together, those of so long go together: each insert costs as much as what is in it.
EVERY_SECONDS = 0.01
DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    document: Document
    done: asyncio.Future[tuple[bool, Document | None]]


@dataclass(slots=True, kw_only=True)
class GroupCommit:
    """Keeps documents of one collection, then looks at the records they belong to, for all of a batch at once.

    A majority has a document once `keep` returns. What is of no use, as its record is after that, is removed again,
    also where who kept it has gone away.
    """

    collection: AsyncCollection[Document]
    records: AsyncCollection[Document]
    shown: Document
    is_useless: Callable[[Document | None, Document], bool]
    _queue: deque[_Waiting] = field(default_factory=deque, init=False)
    _working: asyncio.Task[None] | None = field(default=None, init=False)
    _looking: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _next_at: float = field(default=0.0, init=False)

    async def keep(self, document: Document) -> tuple[bool, Document | None]:
        """Whether it was kept, False where its key was taken; and its record as it was after that."""
        waiting = _Waiting(document, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await waiting.done

    async def look(self, ids: Sequence[str]) -> dict[str, Document]:
        """The records of these."""
        async with confirmed():
            return {row["_id"]: row async for row in self.records.find({"_id": {"$in": list(ids)}}, self.shown)}

    async def _work(self) -> None:
        """One batch is on its way while others gather, and more only where they are full."""
        on_way: set[asyncio.Task[None]] = set()
        while self._queue:
            await self._gathered()
            on_way.add(asyncio.create_task(self._send(self._batch())))
            await asyncio.sleep(0)  # others have their turn between two
            while len(on_way) >= (MOST_ON_WAY if len(self._queue) >= MOST_DOCUMENTS else 1):
                _, on_way = await asyncio.wait(on_way, return_when=asyncio.FIRST_COMPLETED)

    async def _gathered(self) -> None:
        """Enough for a batch has come, or nobody else is expected."""
        now = asyncio.get_running_loop().time()
        if len(self._queue) < MOST_DOCUMENTS and now < self._next_at:
            await asyncio.sleep(self._next_at - now)

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            taken = await inserted(self.collection, [waiting.document for waiting in batch], ordered=False)
        except Exception as trouble:
            _fail(batch, trouble)
        else:
            looking = asyncio.create_task(self._tell(batch, taken))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

    def _batch(self) -> list[_Waiting]:
        batch, size = [self._queue.popleft()], 0
        while self._queue and len(batch) < MOST_DOCUMENTS and size < MOST_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1].document["data"])
        if len(batch) > 1:
            self._next_at = asyncio.get_running_loop().time() + EVERY_SECONDS
        return batch

    async def _tell(self, batch: list[_Waiting], taken: set[int]) -> None:
        try:
            rows = await self.look([_record_of(waiting) for waiting in batch])
            kept = [waiting for index, waiting in enumerate(batch) if index not in taken]
            await self._remove([w.document for w in kept if self.is_useless(rows.get(_record_of(w)), w.document)])
        except Exception as trouble:
            _fail(batch, trouble)
            return
        for index, waiting in enumerate(batch):
            if index and index % MOST_WOKEN == 0:
                await asyncio.sleep(0)
            if not waiting.done.done():
                waiting.done.set_result((index not in taken, rows.get(_record_of(waiting))))

    async def _remove(self, documents: list[Document]) -> None:
        if documents:
            async with confirmed():
                await self.collection.delete_many({"_id": {"$in": [document["_id"] for document in documents]}})


def _record_of(waiting: _Waiting) -> str:
    return str(waiting.document["recording"])


def _fail(batch: list[_Waiting], trouble: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(type(trouble)(*trouble.args) if len(batch) > 1 else trouble)


async def inserted(collection: AsyncCollection[Document], documents: list[Document], *, ordered: bool) -> set[int]:
    """Keep them; the numbers of those whose key was taken: where the order counts, the first such one and all after it.

    StoreUnavailable where it is not known whether they are kept.
    """
    async with confirmed():
        try:
            await collection.insert_many(documents, ordered=ordered)
        except BulkWriteError as trouble:
            return _taken(trouble.details or {}, len(documents), ordered)
    return set()


def _taken(details: Any, number: int, ordered: bool) -> set[int]:
    errors = details.get("writeErrors", [])
    if details.get("writeConcernErrors") or any(error["code"] != DUPLICATE_KEY for error in errors):
        raise StoreUnavailable
    indices = {int(error["index"]) for error in errors}
    return set(range(min(indices), number)) if ordered else indices
