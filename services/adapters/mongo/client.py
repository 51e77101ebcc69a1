"""The connection to MongoDB."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pymongo.lock
from pymongo import AsyncMongoClient

from services.adapters.mongo.documents import Document

T = TypeVar("T")


def open_client(url: str, name: str = "") -> AsyncMongoClient[Document]:
    """A client whose writes are confirmed by a majority; it belongs to the loop that uses it first.

    The database's own logs and tools show it under `viva-voce-<name>`.
    """
    _mend_waiting()
    return AsyncMongoClient(
        url,
        appname=f"viva-voce-{name}" if name else "viva-voce",
        tz_aware=True,
        w="majority",
        wTimeoutMS=10_000,
        journal=True,
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        maxPoolSize=100,
    )


def _mend_waiting() -> None:
    """Have the driver wait for its locks as Python 3.12 and later do.

    A `wait_for` of Python 3.11 that is cancelled after its time was up leaves what it waited for running. The driver
    waits like this for a server while there is none, and what then goes on is a lock being taken, for nobody: each
    later call of the process would wait for it for ever.
    """
    pymongo.lock.wait_for = _wait_for  # type: ignore[attr-defined, assignment]


async def _wait_for(waiting: Awaitable[T], seconds: float | None) -> T:
    async with asyncio.timeout(seconds):
        return await waiting
