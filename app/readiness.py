"""Whether the parts that the API needs answer; told within a second, so that a probe never waits for longer."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from app.container import Wiring
from routes.dependencies import Health
from services.access.ports import Tokens
from services.adapters.mongo.client import is_replicated
from services.adapters.mongo.documents import Document
from services.errors import StoreUnavailable

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.8
T = TypeVar("T")


async def look(wiring: Wiring, client: AsyncMongoClient[Document], tokens: Tokens) -> Health:
    """What answers now."""
    workers, waiting, keys, missing = await asyncio.gather(
        _or_none(_workers(wiring, client)),
        _or_none(wiring.doorbell.waiting()),
        _or_none(_seals(wiring)),
        _or_none(wiring.key_store.missing_keys()),
    )
    return Health(
        database=workers is not None,
        doorbell=waiting is not None,
        workers=workers or 0,
        tokens=await tokens.can_verify(),
        keys=bool(keys),
        missing_keys=missing or 0,
    )


async def _workers(wiring: Wiring, client: AsyncMongoClient[Document]) -> int | None:
    """How many live; None where nothing can be stored."""
    hello: Mapping[str, Any] = await client.admin.command("hello")
    if not is_replicated(hello):
        log.error("MongoDB is no replica set, and takes nothing from us: start it with --replSet and initiate it")
        return None
    return len(await wiring.workers.alive())


async def _seals(wiring: Wiring) -> bool:
    """Whether a recording could be sealed now, if it is to be."""
    store = wiring.key_store
    if store.sealing.seals and store.keys is not None:
        await store.keys.newest()
    return not store.sealing.seals or store.keys is not None


async def _or_none(answer: Awaitable[T | None]) -> T | None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await answer
    except (PyMongoError, StoreUnavailable, TimeoutError):
        return None
