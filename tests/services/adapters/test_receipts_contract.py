"""The chains of receipts, in memory and on MongoDB."""

import asyncio
from dataclasses import replace

from services.interviews.model import SessionId, UserId
from services.recordings.ports.receipts import ChainId, Receipt
from tests.services.adapters.stores import ANN, BOB, ROOT, S1, Store

MANY = 100


def receipt(chain: ChainId, number: int, id: str | None = None, session: SessionId = S1) -> Receipt:
    name = id or f"{chain}-{number}"
    return Receipt(chain=chain, number=number, token=f"token of {name}", id=name, sessions=(session,))


async def test_a_user_has_one_chain_and_its_name_does_not_tell_whose(store: Store) -> None:
    chains = await asyncio.gather(*(store.receipts.chain_of(ANN.user_id) for _ in range(10)))
    assert len(set(chains)) == 1
    assert await store.receipts.chain_of(BOB.user_id) != chains[0]
    assert ANN.user_id not in chains[0]


async def test_a_number_is_given_once(store: Store) -> None:
    chain = await store.receipts.chain_of(UserId("one"))
    assert await store.receipts.newest(chain) is None
    first = receipt(chain, 1)
    assert await store.receipts.add(first) == first
    assert await store.receipts.add(receipt(chain, 1, "another")) is None
    second = receipt(chain, 2)
    assert await store.receipts.add(second) == second
    assert await store.receipts.newest(chain) == second


async def test_a_recording_has_one_receipt(store: Store) -> None:
    chain = await store.receipts.chain_of(UserId("two"))
    first = receipt(chain, 1, "recording")
    assert await store.receipts.add(first) == first
    assert await store.receipts.add(receipt(chain, 2, "recording")) == first
    assert await store.receipts.newest(chain) == first


async def test_pages_go_by_number(store: Store) -> None:
    user = UserId("three")
    chain = await store.receipts.chain_of(user)
    for number in range(1, 6):
        await store.receipts.add(receipt(chain, number))
    assert [r.number for r in await store.receipts.of_user(user, 0, 2)] == [1, 2]
    assert [r.number for r in await store.receipts.of_user(user, 2, 10)] == [3, 4, 5]


async def test_a_sessions_receipts_are_its_owners_and_the_operators(store: Store) -> None:
    session = SessionId("receipts-of-a-session")
    chain = await store.receipts.chain_of(ANN.user_id)
    newest = await store.receipts.newest(chain)
    number = (newest.number if newest else 0) + 1
    made = receipt(chain, number, "of the session", session)
    await store.receipts.add(made)
    assert await store.receipts.of_session(session, ANN, 0, MANY) == [made]
    assert await store.receipts.of_session(session, BOB, 0, MANY) == []
    assert await store.receipts.of_session(session, ROOT, 0, MANY) == [made]
    assert await store.receipts.of_session(session, ANN, number, MANY) == []


async def test_receipts_of_an_epoch_are_found_until_a_later_one_names_them(store: Store) -> None:
    chain = await store.receipts.chain_of(UserId("of epochs"))
    made = [replace(receipt(chain, number), epoch="00000007-x") for number in (1, 2, 3)]
    for each in made:
        assert await store.receipts.add(each) == each
    assert "00000007-x" in await store.receipts.open_epochs()
    assert await store.receipts.of_epoch("00000007-x", 2) == made[:2]
    await store.receipts.close_epoch([each.id for each in made[:2]])
    assert await store.receipts.of_epoch("00000007-x", 2) == made[2:]
    await store.receipts.close_epoch([made[2].id])
    assert "00000007-x" not in await store.receipts.open_epochs()
    assert await store.receipts.find(made[0].id) == made[0]
    assert await store.receipts.find("nothing") is None


async def test_erasures_have_a_chain_of_their_own(store: Store) -> None:
    assert await store.receipts.chain_of_erasures() == await store.receipts.chain_of_erasures()
    assert await store.receipts.chain_of_erasures() != await store.receipts.chain_of(ANN.user_id)


async def test_who_only_asks_has_no_chain(store: Store) -> None:
    assert await store.receipts.of_user(ANN.user_id, 0, MANY) == []
    assert await store.receipts.of_session(S1, ANN, 0, MANY) == []
    assert (await store.gauges.read()).receipts.chains == 0
