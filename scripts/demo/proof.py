"""Count what is left of the audio in the database."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from pymongo import MongoClient

from scripts.stack.stack import Pause
from services.adapters.mongo import oplog
from services.adapters.mongo.client import open_client

PATIENCE = 15.0


def audio_left(url: str, database: str) -> dict[str, int]:
    """The number of documents in each collection that holds GridFS files or chunks."""
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5000) as client:
        names = {"fs.files", "fs.chunks", *client[database].list_collection_names()}
        audio = sorted(name for name in names if name.endswith((".files", ".chunks")))
        return {name: client[database][name].count_documents({}) for name in audio}


def audio_left_at_last(url: str, database: str, pause: Pause) -> dict[str, int]:
    """The same once nothing is left, or after some seconds of patience."""
    deadline = time.monotonic() + PATIENCE
    while any((left := audio_left(url, database)).values()) and time.monotonic() < deadline:
        pause()
    return left


def oplog_reach(url: str) -> timedelta | None:
    """How far back the database's own log of writes reaches, which holds what was deleted until it is overwritten."""

    async def look() -> timedelta | None:
        async with open_client(url, "proof") as client:
            return await oplog.reach(client)

    return asyncio.run(look())


def forget(url: str, database: str) -> None:
    """Drop the demo's database; it may be on a server that is not the demo's own."""
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5000) as client:
        client.drop_database(database)
