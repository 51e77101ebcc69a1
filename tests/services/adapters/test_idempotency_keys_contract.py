"""What IdempotencyKeys promises, in memory and on MongoDB."""

import asyncio
from dataclasses import replace

import pytest

from services.access.ports import Hold, Kept, Keyed
from services.errors import IdempotencyInFlight, IdempotencyMismatch
from services.interviews.model import UserId
from tests.services.adapters.stores import TERMS, Store

ASKED = Keyed(user_id=UserId("ann"), key="$k.1", path="POST /api/$x", fingerprint="f")
BLIND = replace(ASKED, fingerprint=None)
ANSWER = Kept(status=201, body=b'{"a": "\xc3\xa9 $b"}', headers={"location": "/x", "retry-after": "2"}, fingerprint="f")


async def held(store: Store, request: Keyed = ASKED, made_id: str = "made") -> Hold:
    found = await store.idempotency_keys.hold(request, made_id)
    assert isinstance(found, Hold)
    return found


async def test_a_new_key_is_held_and_its_answer_given_back_as_it_was(store: Store) -> None:
    hold = await held(store)
    assert (hold.made_id, hold.resumed) == ("made", False)
    assert await store.idempotency_keys.keep(hold, ANSWER)
    assert await store.idempotency_keys.hold(ASKED, "other") == ANSWER
    assert await store.idempotency_keys.hold(BLIND, "other") == ANSWER
    assert not await store.idempotency_keys.keep(hold, replace(ANSWER, status=500)), "what is kept stays"
    await store.idempotency_keys.release(hold)
    assert await store.idempotency_keys.hold(ASKED, "other") == ANSWER


async def test_one_of_many_holds_a_key(store: Store) -> None:
    tries = await asyncio.gather(
        *[store.idempotency_keys.hold(ASKED, str(n)) for n in range(10)], return_exceptions=True
    )
    assert sum(isinstance(found, Hold) for found in tries) == 1
    assert sum(isinstance(found, IdempotencyInFlight) for found in tries) == 9


@pytest.mark.parametrize("other", [replace(ASKED, fingerprint="g"), replace(ASKED, path="POST /api/y")])
async def test_another_request_does_not_fit_the_key_in_any_state(store: Store, other: Keyed) -> None:
    hold = await held(store)
    with pytest.raises(IdempotencyMismatch):
        await store.idempotency_keys.hold(other, "other")
    await store.idempotency_keys.release(hold)
    with pytest.raises(IdempotencyMismatch):
        await store.idempotency_keys.hold(other, "other")
    await store.idempotency_keys.keep(await held(store), ANSWER)
    with pytest.raises(IdempotencyMismatch):
        await store.idempotency_keys.hold(other, "other")


async def test_keys_of_two_users_do_not_meet(store: Store) -> None:
    await held(store)
    other = await held(store, replace(ASKED, user_id=UserId("bob"), fingerprint="g"), "bobs")
    assert (other.made_id, other.resumed) == ("bobs", False)


async def test_who_lets_go_leaves_the_name_of_what_was_made(store: Store) -> None:
    first = await held(store)
    await store.idempotency_keys.release(first)
    second = await held(store, made_id="unused")
    assert (second.made_id, second.resumed) == ("made", True)
    assert not await store.idempotency_keys.beat(first)
    assert not await store.idempotency_keys.keep(first, ANSWER)
    assert not await store.idempotency_keys.rename(first, "late")


async def test_a_silent_holder_is_replaced_and_one_that_gives_signs_is_not(store: Store) -> None:
    first = await held(store, BLIND)
    await store.passes(TERMS.replay_lease_seconds - 5)
    assert await store.idempotency_keys.beat(first)
    await store.passes(TERMS.replay_lease_seconds - 5)
    with pytest.raises(IdempotencyInFlight) as refused:
        await store.idempotency_keys.hold(BLIND, "other")
    assert refused.value.retry_after
    await store.passes(10)
    second = await held(store, BLIND)
    assert second.resumed
    assert second.holder != first.holder
    assert await store.idempotency_keys.rename(second, "anew")
    await store.idempotency_keys.release(second)
    assert (await held(store, BLIND)).made_id == "anew"
