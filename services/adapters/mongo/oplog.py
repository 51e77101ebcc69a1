"""How far back the database's own log of writes reaches, in which what was deleted can still be found."""

from datetime import datetime, timedelta
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure


async def reach(client: AsyncMongoClient[Any]) -> timedelta | None:
    """From its oldest entry to its newest; None where the user may not look, or there is none, as behind mongos."""
    oplog = client["local"]["oplog.rs"]
    try:
        ends = [await oplog.find_one({}, {"wall": True}, sort=[("$natural", way)]) for way in (1, -1)]
    except OperationFailure:
        return None
    times: list[datetime] = [end["wall"] for end in ends if end is not None]
    return times[1] - times[0] if len(times) == 2 else None


def told(reached: timedelta | None) -> str:
    """The same in words."""
    if reached is None:
        return "how far back it reaches cannot be told (the user may not read the database `local`)"
    hours, seconds = divmod(int(reached.total_seconds()), 3600)
    return f"it reaches {hours} h {seconds // 60} min back; what was deleted since then can still be found in it"
