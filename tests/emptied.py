"""A database of tests as it was before one of them: no documents, no collections but ours, their own indexes.

It takes three questions where nothing was left: to ask each collection would cost more than most tests do.
"""

import asyncio
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.indexes import INDEXES, ensure_indexes

Database = AsyncDatabase[dict[str, Any]]

OURS = {name: frozenset(index.document["name"] for index in indexes) for name, indexes in INDEXES.items()}


async def ready(database: Database) -> None:
    """Have the database as the product's processes have it once they run."""
    if OURS.items() - (await _catalog(database)).items():
        await ensure_indexes(database)


async def emptied(database: Database) -> None:
    made = await _catalog(database)
    changed = [name for name, indexes in made.items() if OURS.get(name) != indexes]
    filled = await _filled(database, [name for name in made if name not in changed])
    await asyncio.gather(
        *(database.drop_collection(name) for name in changed), *(database[name].delete_many({}) for name in filled)
    )


async def _catalog(database: Database) -> dict[str, frozenset[str]]:
    """The names of the indexes of each collection, but for that of `_id`."""
    steps: list[dict[str, Any]] = [{"$listCatalog": {}}, {"$match": {"db": database.name}}]
    rows = await database.client.admin.aggregate(steps)
    return {
        row["name"]: frozenset(index["spec"]["name"] for index in row["md"]["indexes"]) - {"_id_"}
        async for row in rows
        if not row["name"].startswith("system.")
    }


async def _filled(database: Database, names: list[str]) -> list[str]:
    """Those that hold a document."""
    if not names:
        return []
    unions = [{"$unionWith": {"coll": name, "pipeline": _one_of(name)}} for name in names[1:]]
    return [row["of"] async for row in await database[names[0]].aggregate([*_one_of(names[0]), *unions])]


def _one_of(name: str) -> list[dict[str, Any]]:
    return [{"$limit": 1}, {"$project": {"_id": False, "of": {"$literal": name}}}]
