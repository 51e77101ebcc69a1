"""What came, ended and waited by minutes, in memory and on MongoDB."""

import asyncio
from itertools import pairwise

from services.interviews.transcript import silence
from services.operations.ports.trends import Bin, TrendSpan
from tests.services.adapters.stores import Store
from tests.services.adapters.test_operations_contract import failed

HOUR, DAY = 3600, 24 * 3600


async def seen(store: Store, span: TrendSpan = TrendSpan.HOUR) -> list[Bin]:
    return [each for each in await store.trends.bins(span) if each.seen]


def together(bins: list[Bin]) -> tuple[int, int, int]:
    return sum(b.accepted for b in bins), sum(b.completed for b in bins), sum(b.failed for b in bins)


async def one_of_each(store: Store, take: int = 1) -> None:
    """One that waits, one that is completed, one that failed: three arrived."""
    await store.queued(take)
    done = await store.claimed(take + 1)
    await store.claims.complete(done.id, done.fence, silence(1.0))
    await failed(store, take + 2)


async def test_nothing_is_known_of_what_was_not_noted(store: Store) -> None:
    for span, number, seconds in ((TrendSpan.HOUR, 60, 60), (TrendSpan.DAY, 96, 900)):
        bins = await store.trends.bins(span)
        assert len(bins) == number
        assert all(b == Bin(since=b.since) for b in bins)
        assert all((b.since - a.since).total_seconds() == seconds for a, b in pairwise(bins))


async def test_what_came_ended_and_waits_is_noted_by_minutes(store: Store) -> None:
    await one_of_each(store)
    await store.passes(120)
    await store.trends.note()
    noted = await seen(store)
    assert together(noted) == (3, 1, 1)
    assert [each.waiting for each in noted if each.waiting is not None] == [1]
    assert together(await seen(store, TrendSpan.DAY)) == (3, 1, 1)


async def test_a_minute_is_noted_once_however_often_and_by_however_many(store: Store) -> None:
    await one_of_each(store)
    await store.passes(120)
    await asyncio.gather(*(store.trends.note() for _ in range(4)))
    before = await seen(store)
    await store.trends.note()
    assert together(await seen(store)) == together(before) == (3, 1, 1)


async def test_minutes_that_nobody_noted_are_made_up_for_but_for_what_waited_then(store: Store) -> None:
    await store.trends.note()
    await one_of_each(store)
    await store.passes(600)
    await one_of_each(store, 4)
    await store.passes(600)
    await store.trends.note()
    noted = await seen(store)
    assert together(noted) == (6, 2, 2)
    assert len([each for each in noted if each.waiting is not None]) == 2, "of the first note and of the second"


async def test_what_lies_further_back_than_an_hour_is_not_made_up_for(store: Store) -> None:
    await one_of_each(store)
    await store.passes(2 * HOUR)
    await store.trends.note()
    assert together(await seen(store, TrendSpan.DAY)) == (0, 0, 0)
    assert len(await seen(store)) in (58, 59), "the newest minute is not over, and what was written in it may not show"


async def test_an_hour_and_a_day_show_no_more_than_that(store: Store) -> None:
    await one_of_each(store)
    await store.passes(120)
    await store.trends.note()
    await store.passes(HOUR)
    assert await seen(store) == []
    assert together(await seen(store, TrendSpan.DAY)) == (3, 1, 1)
    await store.passes(DAY)
    assert await seen(store, TrendSpan.DAY) == []
