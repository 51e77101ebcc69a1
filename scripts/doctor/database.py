"""MongoDB: reached, a replica set that takes writes, new enough, indexed, with room, and of one time with us."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from app.finding import Finding, failing, ok, warning
from scripts.doctor.disk import room
from services.adapters.mongo import oplog
from services.adapters.mongo.client import is_replicated
from services.adapters.mongo.documents import Document
from services.adapters.mongo.indexes import missing_indexes

OLDEST = 6
OLDEST_SUPPORTED = 7
MOST_SKEW = 5.0
LOOK_MS = 3000

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


async def reached(url: str) -> list[Finding]:
    """Whether a primary answers; if not, what does."""
    try:
        async with AsyncMongoClient[Document](url, serverSelectionTimeoutMS=LOOK_MS) as client:
            await client.admin.command("ping")
            hello = await client.admin.command("hello")
    except OperationFailure as refusal:
        todo = "Correct the user, the password and `authSource` in MONGODB_URL, or make that user."
        return [failing("MongoDB", f"it answers and lets us not in: {str(refusal)[:120]}", todo)]
    except PyMongoError as trouble:
        return [await _why_not(url, trouble)]
    if not is_replicated(hello):
        return [failing("MongoDB", "a standalone server", "Start it with --replSet and run rs.initiate() once.")]
    name = f"a replica set ({hello['setName']}) with a primary" if "setName" in hello else "a router to shards"
    return [ok("MongoDB", name)]


async def _why_not(url: str, trouble: PyMongoError) -> Finding:
    """Ask one server by itself: it may be there without being a replica set's primary."""
    try:
        host, port = parse_uri(url)["nodelist"][0]
        async with AsyncMongoClient[Document](
            host, port, directConnection=True, serverSelectionTimeoutMS=LOOK_MS
        ) as client:
            hello = await client.admin.command("hello")
    except (PyMongoError, IndexError) as alone:
        cause = alone if isinstance(alone, PyMongoError) else trouble
        return failing("MongoDB", f"not reached: {_words(cause)}", "Start it, or correct MONGODB_URL.")
    if not is_replicated(hello):
        said, todo = "it answers, and is no member of a replica set", "Start it with --replSet, run rs.initiate() once."
    else:
        said = f"it answers as a member of {hello['setName']}, and no primary was found"
        todo = "See rs.status(); check the set's name in MONGODB_URL, and that the members reach each other."
    return failing("MongoDB", said, todo)


def _words(trouble: PyMongoError) -> str:
    """What happened, without all that the driver knows of the servers."""
    return str(trouble).partition(", Timeout: ")[0].partition(" (configured timeouts: ")[0][:240]


async def looked_at(database: AsyncDatabase[Document], clock: Clock = now, least_free: int = 0) -> list[Finding]:
    """All other checks, of a database that is reached."""
    checks = {
        "MongoDB writes": _takes_writes(database),
        "MongoDB version": _version(database),
        "Indexes": _indexes(database),
        "Clocks": _time(database, clock),
        "MongoDB disk": _space(database, least_free),
        "MongoDB oplog": _oplog(database),
    }
    return [await _answered(name, check) for name, check in checks.items()]


async def _answered(name: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except PyMongoError as trouble:
        todo = "Check the user's rights, the disk, and that a majority of the members is up."
        return failing(name, f"MongoDB refused: {str(trouble)[:120]}", todo)


async def _takes_writes(database: AsyncDatabase[Document]) -> Finding:
    probe = {"_id": f"probe-{secrets.token_hex(4)}"}
    await database["doctor"].insert_one(probe)
    await database["doctor"].drop()
    return ok("MongoDB writes", "confirmed by a majority")


async def _version(database: AsyncDatabase[Document]) -> Finding:
    return version((await database.client.server_info())["versionArray"])


def version(numbers: list[int]) -> Finding:
    """Whether the server is new enough."""
    name = ".".join(map(str, numbers[:3]))
    if numbers[0] < OLDEST:
        return failing("MongoDB version", name, f"Move to MongoDB {OLDEST} or later.")
    if numbers[0] < OLDEST_SUPPORTED:
        todo = (
            "Fine for the local stack and for tests. Elsewhere move to MongoDB 8.0: what is found in it is not mended."
        )
        return warning("MongoDB version", f"{name}, which is past its end of life", todo)
    return ok("MongoDB version", name)


async def _indexes(database: AsyncDatabase[Document]) -> Finding:
    if missing := await missing_indexes(database):
        todo = "Start the API: it makes them. If it did, its log says `index not made yet` and why."
        return failing("Indexes", f"missing: {', '.join(missing)}", todo)
    return ok("Indexes", "all there")


async def _time(database: AsyncDatabase[Document], clock: Clock) -> Finding:
    before = clock()
    hello: dict[str, Any] = await database.client.admin.command("hello")
    there = hello["localTime"].replace(tzinfo=UTC) if hello["localTime"].tzinfo is None else hello["localTime"]
    between = before + (clock() - before) / 2
    skew = abs(there - between) / timedelta(seconds=1)
    if skew > MOST_SKEW:
        todo = "Have both machines keep time by NTP. Tokens may be refused, and logs do not line up."
        return warning("Clocks", f"{skew:.1f} s between this machine and MongoDB", todo)
    return ok("Clocks", f"{skew:.1f} s apart")


async def _oplog(database: AsyncDatabase[Document]) -> Finding:
    return ok("MongoDB oplog", oplog.told(await oplog.reach(database.client)))


async def _space(database: AsyncDatabase[Document], least: int) -> Finding:
    stats = await database.command("dbStats")
    total = int(stats["fsTotalSize"])
    return room("MongoDB disk", total - int(stats["fsUsedSize"]), total, least)
