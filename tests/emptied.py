"""A database of tests as it was before one of them: no documents, no collections but ours, their own indexes."""

import asyncio
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.indexes import INDEXES

Database = AsyncDatabase[dict[str, Any]]


async def emptied(database: Database) -> None:
    names = await database.list_collection_names()
    await asyncio.gather(*(_emptied(database, name) for name in names if not name.startswith("system.")))


async def _emptied(database: Database, name: str) -> None:
    made = {index["name"] async for index in await database[name].list_indexes()} - {"_id_"}
    if name in INDEXES and made == {index.document["name"] for index in INDEXES[name]}:
        await database[name].delete_many({})
    else:
        await database.drop_collection(name)
