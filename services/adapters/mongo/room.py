"""How much room the database's disk has."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed


class MongoRoom:
    """The port Room, as the primary says."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database

    @confirmed()
    async def free_bytes(self) -> int | None:
        disk = await disk_of(self._database)
        return disk and disk[1]


async def disk_of(database: AsyncDatabase[Any]) -> tuple[int, int] | None:
    """The bytes of the disk, and how many of them are free; None where the user may not ask, or nothing is said."""
    try:
        stats = await database.command("dbStats")
    except OperationFailure:
        return None
    total = int(stats.get("fsTotalSize", 0))
    return (total, total - int(stats["fsUsedSize"])) if total else None
