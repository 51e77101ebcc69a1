"""Count what is left of the audio in the database."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from pymongo import MongoClient

from app.config import Settings
from app.keys import key_store
from app.logs import configure_logs
from scripts.stack.stack import Pause
from services.adapters.mongo import oplog
from services.adapters.mongo.client import open_client
from services.recordings.ports.keyring import EpochState

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


def forget_keys(settings: Settings) -> int:
    """Destroy the keys of all that was recorded, which else happens once their epochs are over; how many there were."""

    configure_logs(settings.model_copy(update={"log_level": "error"}))

    async def destroy() -> int:
        async with open_client(settings.mongodb_url, "proof") as client:
            epochs = key_store(settings, client[settings.mongodb_database]).epochs
            there = await epochs.journal.epochs(EpochState.OPEN, EpochState.CLOSED) if epochs else []
            for epoch in there:
                if epochs is not None:
                    await epochs.destroy(epoch.id, at_once=True)
            return len(there)

    return asyncio.run(destroy())


def forget(url: str, database: str) -> None:
    """Drop the demo's database; it may be on a server that is not the demo's own."""
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5000) as client:
        client.drop_database(database)
