"""A database that takes a call and never answers: the call ends all the same."""

import asyncio
import importlib
import inspect
import pkgutil
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from services.adapters import mongo as adapters
from services.adapters.mongo.client import open_client
from services.adapters.mongo.driver_errors import DEADLINE_SECONDS, confirmed
from services.adapters.mongo.indexes import ensure_indexes
from services.errors import StoreUnavailable
from services.interviews.model import PartId
from tests.services.adapters.stores import ANN, Q1, S1, Store, a_session, store_on_mongo
from tests.stalling_proxy import Line, line_to

PATIENCE = 3 * DEADLINE_SECONDS
AUDIO = bytes(2_000_000)


@pytest.fixture
def line(mongodb_url: str) -> Iterator[Line]:
    with line_to(urlsplit(mongodb_url).port or 0) as line:
        yield line


@pytest.fixture
async def client(line: Line) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    async with open_client(f"mongodb://127.0.0.1:{line.port}/?directConnection=true") as client:
        yield client
        line.speak()


async def test_a_call_that_is_never_answered_ends_and_later_ones_are_answered(
    line: Line, client: AsyncMongoClient[dict[str, Any]]
) -> None:
    await client.admin.command("ping")
    line.silence()
    # The driver's own look at the server finds it silent only after 15 seconds.
    async with asyncio.timeout(12):
        with pytest.raises(StoreUnavailable):
            async with confirmed(0.5):
                await client.admin.command("ping")
    line.speak()
    async with asyncio.timeout(PATIENCE):
        assert (await client.admin.command("ping"))["ok"] == 1.0


def _methods() -> Iterator[tuple[str, Any]]:
    for module in pkgutil.iter_modules(adapters.__path__, f"{adapters.__name__}."):
        for _, made in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if made.__module__ == module.name and made.__name__.startswith(("Mongo", "Grid")):
                yield from ((f"{made.__name__}.{name}", method) for name, method in vars(made).items())


def test_every_call_that_a_use_case_can_make_has_a_deadline() -> None:
    calls = [(name, m) for name, m in _methods() if inspect.iscoroutinefunction(m) and "._" not in name]
    assert len(calls) > 40
    assert [name for name, method in calls if not hasattr(method, "__wrapped__")] == []


async def _pieces() -> AsyncIterator[bytes]:
    yield AUDIO


async def _read(store: Store, id: PartId) -> None:
    async for _ in store.audio.read(id):
        pass


async def _read_in_silence(store: Store, id: PartId, line: Line) -> None:
    """The line falls silent when the first piece has arrived; there is more than one batch."""
    async for _ in store.audio.read(id):
        line.silence()


@pytest.mark.long
async def test_reads_writes_and_recordings_end_within_their_deadlines(
    line: Line, client: AsyncMongoClient[dict[str, Any]]
) -> None:
    database = client[f"test_{uuid.uuid4().hex}"]
    await ensure_indexes(database)
    store = store_on_mongo(database)
    await store.sessions.create(a_session())
    part = await store.claimed()
    await store.audio.store(part.id, _pieces(), {})
    calls = [
        _read_in_silence(store, part.id, line),
        _later(store.sessions.get(S1, ANN)),
        _later(store.sessions.next_take(S1, Q1, ANN)),
        _later(store.claims.beat(part.id, part.fence)),
        _later(store.claims.release(part.id, part.fence)),
        _later(store.upkeep.reclaim()),
        _later(store.workers.alive()),
        _later(store.audio.delete(part.id)),
        _later(anext(store.audio.orphaned_chunks())),
        _later(store.audio.store(PartId(str(ObjectId())), _pieces(), {})),
        _later(_read(store, part.id)),
    ]
    async with asyncio.timeout(PATIENCE):
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [StoreUnavailable] * len(calls)
    line.speak()
    await client.drop_database(database.name)


async def _later(call: Any) -> None:
    """Once the line is silent."""
    await asyncio.sleep(1.0)
    await call
