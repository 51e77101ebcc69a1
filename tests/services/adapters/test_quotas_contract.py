"""What Quotas promises, in memory and on MongoDB."""

import asyncio

from services.interviews.model import UserId
from tests.services.adapters.stores import ANN, BOB, Store


async def test_no_more_is_taken_than_there_is(store: Store) -> None:
    took = await asyncio.gather(*(store.quotas.take(ANN.user_id, 30, 100) for _ in range(9)))
    assert took.count(True) == 3
    assert not await store.quotas.take(ANN.user_id, 11, 100)
    assert await store.quotas.take(ANN.user_id, 10, 100)
    assert await store.quotas.take(BOB.user_id, 100, 100)


async def test_what_is_too_large_for_all_of_it_is_never_taken(store: Store) -> None:
    assert not await store.quotas.take(UserId("new"), 101, 100)
    assert await store.quotas.take(UserId("new"), 100, 100)


async def test_what_is_given_back_can_be_taken_again(store: Store) -> None:
    assert await store.quotas.take(ANN.user_id, 100, 100)
    await store.quotas.give_back(ANN.user_id, 40)
    assert not await store.quotas.take(ANN.user_id, 41, 100)
    assert await store.quotas.take(ANN.user_id, 40, 100)
