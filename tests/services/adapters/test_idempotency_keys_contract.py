"""What Replays promises, in memory and on MongoDB."""

import asyncio
from dataclasses import replace

import pytest

from services.access.ports import Hold, Kept, Keyed
from services.errors import IdempotencyInFlight, IdempotencyMismatch
from services.interviews.model import UserId
from tests.services.adapters.stores import TERMS, House

ASKED = Keyed(user_id=UserId("ann"), key="$k.1", path="POST /api/$x", fingerprint="f")
BLIND = replace(ASKED, fingerprint=None)
ANSWER = Kept(status=201, body=b'{"a": "\xc3\xa9 $b"}', headers={"location": "/x", "retry-after": "2"}, fingerprint="f")


async def held(house: House, request: Keyed = ASKED, made_id: str = "made") -> Hold:
    found = await house.replays.hold(request, made_id)
    assert isinstance(found, Hold)
    return found


async def test_a_new_key_is_held_and_its_answer_given_back_as_it_was(house: House) -> None:
    hold = await held(house)
    assert (hold.made_id, hold.resumed) == ("made", False)
    assert await house.replays.keep(hold, ANSWER)
    assert await house.replays.hold(ASKED, "other") == ANSWER
    assert await house.replays.hold(BLIND, "other") == ANSWER
    assert not await house.replays.keep(hold, replace(ANSWER, status=500)), "what is kept stays"
    await house.replays.release(hold)
    assert await house.replays.hold(ASKED, "other") == ANSWER


async def test_one_of_many_holds_a_key(house: House) -> None:
    tries = await asyncio.gather(*[house.replays.hold(ASKED, str(n)) for n in range(10)], return_exceptions=True)
    assert sum(isinstance(found, Hold) for found in tries) == 1
    assert sum(isinstance(found, IdempotencyInFlight) for found in tries) == 9


@pytest.mark.parametrize("other", [replace(ASKED, fingerprint="g"), replace(ASKED, path="POST /api/y")])
async def test_another_request_does_not_fit_the_key_in_any_state(house: House, other: Keyed) -> None:
    hold = await held(house)
    with pytest.raises(IdempotencyMismatch):
        await house.replays.hold(other, "other")
    await house.replays.release(hold)
    with pytest.raises(IdempotencyMismatch):
        await house.replays.hold(other, "other")
    await house.replays.keep(await held(house), ANSWER)
    with pytest.raises(IdempotencyMismatch):
        await house.replays.hold(other, "other")


async def test_keys_of_two_users_do_not_meet(house: House) -> None:
    await held(house)
    other = await held(house, replace(ASKED, user_id=UserId("bob"), fingerprint="g"), "bobs")
    assert (other.made_id, other.resumed) == ("bobs", False)


async def test_who_lets_go_leaves_the_name_of_what_was_made(house: House) -> None:
    first = await held(house)
    await house.replays.release(first)
    second = await held(house, made_id="unused")
    assert (second.made_id, second.resumed) == ("made", True)
    assert not await house.replays.beat(first)
    assert not await house.replays.keep(first, ANSWER)
    assert not await house.replays.name(first, "late")


async def test_a_silent_holder_is_replaced_and_one_that_gives_signs_is_not(house: House) -> None:
    first = await held(house, BLIND)
    await house.passes(TERMS.replay_lease_seconds - 5)
    assert await house.replays.beat(first)
    await house.passes(TERMS.replay_lease_seconds - 5)
    with pytest.raises(IdempotencyInFlight) as refused:
        await house.replays.hold(BLIND, "other")
    assert refused.value.retry_after
    await house.passes(10)
    second = await held(house, BLIND)
    assert second.resumed
    assert second.holder != first.holder
    assert await house.replays.name(second, "anew")
    await house.replays.release(second)
    assert (await held(house, BLIND)).made_id == "anew"
