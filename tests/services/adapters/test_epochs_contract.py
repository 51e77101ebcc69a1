"""What is noted of epochs, in memory and in MongoDB."""

import pytest

from services.recordings.ports.keyring import Epoch, EpochId, EpochState, Identity
from tests.services.adapters.stores import Store, a_part

ONE, TWO = EpochId("00000001-0000000a"), EpochId("00000002-00000000")
OWN, OTHER = Identity("k1", "d1"), Identity("k2", "d2")


async def only(store: Store) -> Epoch:
    [epoch] = await store.epochs.epochs()
    return epoch


def near(seconds: float | None, expected: float) -> bool:
    return seconds is not None and expected <= seconds < expected + 20


async def test_the_first_claim_stands(store: Store) -> None:
    assert await store.epochs.identity() is None
    assert await store.epochs.claim(OWN) == await store.epochs.claim(OTHER) == await store.epochs.identity() == OWN
    replaced = await store.epochs.replace("k3")
    assert replaced == await store.epochs.identity() == Identity("k3", "d1")


async def test_an_epoch_lives_and_ends(store: Store) -> None:
    assert (await store.epochs.epochs(), await store.epochs.newest_number()) == ([], 0)
    await store.epochs.open(ONE)
    await store.passes(100)
    await store.epochs.open(ONE)
    epoch = await only(store)
    assert (epoch.state, epoch.closed_seconds, epoch.unused_seconds) == (EpochState.OPEN, None, None)
    assert near(epoch.open_seconds, 100)
    await store.epochs.close(ONE)
    await store.passes(50)
    await store.epochs.close(ONE)
    await store.epochs.unused(ONE)
    await store.passes(30)
    await store.epochs.unused(ONE)
    epoch = await only(store)
    assert epoch.state is EpochState.CLOSED
    assert near(epoch.closed_seconds, 80)
    assert near(epoch.unused_seconds, 30)
    await store.epochs.used(ONE)
    assert (await only(store)).unused_seconds is None
    await store.epochs.doom(ONE, "$because")
    assert ((await only(store)).state, (await only(store)).reason) == (EpochState.DOOMED, "$because")
    await store.epochs.destroyed(ONE)
    await store.passes(10)
    epoch = await only(store)
    assert epoch.state is EpochState.DESTROYED
    assert near(epoch.gone_seconds, 10)
    assert near(epoch.closed_seconds, 90)
    assert await store.epochs.newest_number() == 1


async def test_epochs_are_told_oldest_first_and_by_state(store: Store) -> None:
    for id in (TWO, ONE):
        await store.epochs.open(id)
    await store.epochs.close(ONE)
    assert [epoch.id for epoch in await store.epochs.epochs()] == [ONE, TWO]
    assert [epoch.id for epoch in await store.epochs.epochs(EpochState.OPEN, EpochState.LOST)] == [TWO]
    assert await store.epochs.newest_number() == 2


async def test_a_doomed_epoch_may_be_spared(store: Store) -> None:
    await store.epochs.open(ONE)
    await store.epochs.doom(ONE, "reason")
    await store.epochs.spare(ONE)
    epoch = await only(store)
    assert (epoch.state, epoch.reason, epoch.unused_seconds) == (EpochState.CLOSED, None, None)


async def test_a_lost_key_may_come_back(store: Store) -> None:
    await store.epochs.open(ONE)
    await store.epochs.lost(ONE)
    epoch = await only(store)
    assert epoch.state is EpochState.LOST
    assert near(epoch.gone_seconds, 0)
    await store.epochs.returned(ONE)
    epoch = await only(store)
    assert (epoch.state, epoch.gone_seconds, epoch.returns) == (EpochState.CLOSED, None, 1)
    assert near(epoch.closed_seconds, 0)


async def test_a_destroyed_key_that_came_back_is_counted_and_gone_since_then(store: Store) -> None:
    await store.epochs.open(ONE)
    await store.epochs.doom(ONE, "reason")
    await store.epochs.destroyed(ONE)
    await store.passes(100)
    await store.epochs.returned(ONE)
    epoch = await only(store)
    assert (epoch.state, epoch.returns) == (EpochState.DESTROYED, 1)
    assert near(epoch.gone_seconds, 0)


@pytest.mark.parametrize("what", ["close", "spare", "destroyed", "lost", "open"])
async def test_what_does_not_fit_changes_nothing(store: Store, what: str) -> None:
    await store.epochs.open(ONE)
    await store.epochs.doom(ONE, "reason")
    await store.epochs.destroyed(ONE)
    await getattr(store.epochs, what)(ONE)
    await store.epochs.doom(ONE, "another")
    epoch = await only(store)
    assert (epoch.state, epoch.reason) == (EpochState.DESTROYED, "reason")


async def test_uploads_that_began_before_the_close_are_arriving(store: Store) -> None:
    await store.epochs.open(ONE)
    assert await store.epochs.is_arriving(ONE), "what is not closed may be sealed under"
    before, after = a_part(take=1), a_part(take=2)
    await store.uploads.begin(before)
    await store.epochs.close(ONE)
    assert await store.epochs.is_arriving(ONE)
    await store.uploads.abort(before.id)
    assert not await store.epochs.is_arriving(ONE)
    await store.uploads.begin(after)
    assert await store.epochs.is_arriving(ONE), "a moment is no difference"
    await store.uploads.abort(after.id)
    await store.passes(500)
    await store.uploads.begin(a_part(take=3))
    assert not await store.epochs.is_arriving(ONE)
