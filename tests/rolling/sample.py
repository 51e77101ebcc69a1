"""Samples of the documents that the versions have written, each under the sum of its shape."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo.asynchronous.database import AsyncDatabase

FOLDER = Path(__file__).parent / "samples"
# What stands under the ids of questions, sessions and the like, and audio itself.
MAPS = ("answers", "takes", "failures", "processing", "turnaround")
CANONICAL = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)

Sample = dict[str, list[dict[str, Any]]]


async def taken(database: AsyncDatabase[dict[str, Any]]) -> Sample:
    """All documents of the database, but for the bytes of recordings."""
    names = sorted(set(await database.list_collection_names()) - {"fs.chunks"})
    return {name: await database[name].find({}, sort=[("_id", 1)]).to_list() for name in names}


async def put(sample: Sample, database: AsyncDatabase[dict[str, Any]]) -> None:
    """As if it had just been written, where MongoDB would remove what is old."""
    for name, rows in sample.items():
        indexes = await database[name].index_information()
        dated = {index["key"][0][0] for index in indexes.values() if "expireAfterSeconds" in index}
        if rows:
            await database[name].insert_many(
                [{**row, **dict.fromkeys(dated & set(row), datetime.now(UTC))} for row in rows]
            )


def shape(sample: Sample) -> str:
    """A name for which fields there are, of which kind; what stands in them does not matter."""
    paths = {f"{name}{path}" for name, rows in sample.items() for row in rows for path in _paths(row)}
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()[:12]


def keep(sample: Sample) -> Path:
    """Keep the sample, unless there is one of its shape."""
    file = FOLDER / f"{shape(sample)}.json"
    if not file.exists():
        file.write_text(json_util.dumps(sample, indent=1, json_options=CANONICAL) + "\n")
    return file


def kept() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def read(file: Path) -> Sample:
    found: Sample = json_util.loads(file.read_text(), json_options=CANONICAL)
    return found


def _paths(value: Any, path: str = "", name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _paths(each, f"{path}.{'*' if name in MAPS else key}", key)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, f"{path}[]")
    else:
        yield path
