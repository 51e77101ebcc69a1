"""Many documents that are kept together, and the turns of those who wait for them."""

import asyncio
from collections import Counter
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.group_commit import TOLD_AT_ONCE, GroupCommit


async def test_those_who_waited_together_do_not_go_on_all_at_once(database: AsyncDatabase[dict[str, Any]]) -> None:
    group = GroupCommit(collection=database["pieces"], records=database["parts"], shown={"state": True})
    turns, went_on = 0, Counter[int]()

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def one(number: int) -> None:
        is_kept, _ = await group.keep({"recording": ObjectId(), "offset": number, "data": b"x"})
        assert is_kept
        went_on[turns] += 1

    beside = asyncio.create_task(others())
    await asyncio.gather(*(one(number) for number in range(20 * TOLD_AT_ONCE)))
    beside.cancel()
    assert went_on.total() == 20 * TOLD_AT_ONCE
    assert max(went_on.values()) <= 2 * TOLD_AT_ONCE
