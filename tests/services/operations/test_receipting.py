"""The receipts that follow later: of erasures, and of recordings whose epoch's key is destroyed."""

from dataclasses import replace

import pytest

from services.adapters.receipt_keys import ReceiptVerifier
from services.interviews.model import UserId
from services.operations import receipting as module
from services.operations.receipting import erasure_receipt
from services.recordings.ports.audio import Deletion
from services.recordings.ports.keyring import EpochId
from services.recordings.receipt_chain import Line, check
from tests.fakes.keyring import FakeEpochs
from tests.in_memory import ALICE, BOB, KEYS, Interior
from tests.services.adapters.stores import a_part
from tests.services.recordings.test_receipts import claims_of

DESTROYED, LIVING = EpochId("00000001-aa"), EpochId("00000002-bb")
MANY = 10_000


async def assert_whole(house: Interior, user: UserId) -> None:
    lines = [Line(receipt.id, receipt.token) for receipt in await house.receipts.of_user(user, 0, MANY)]
    assert check(lines, ReceiptVerifier(KEYS.published()).verify).faults == []


@pytest.fixture
async def house() -> Interior:
    """Two epochs, one of which is destroyed an hour ago; recordings of two users under both."""
    house = Interior()
    epochs = FakeEpochs(house.memory)
    for epoch in (DESTROYED, LIVING):
        await epochs.open(epoch)
    for viewer in (ALICE, BOB):
        for epoch in (DESTROYED, DESTROYED, LIVING):
            part = replace(a_part(), user_id=viewer.user_id)
            await house.issuing.issue(part, Deletion(1, 1, 0, house.memory.clock.now, epoch))
    await epochs.doom(DESTROYED, "over")
    await epochs.destroyed(DESTROYED)
    house.memory.clock.advance(3600)
    return house


async def test_a_later_receipt_of_each_chain_names_what_can_be_read_nowhere(house: Interior) -> None:
    assert await house.receipting.of_destroyed_epochs() == 4
    for viewer in (ALICE, BOB):
        receipts = await house.receipts.of_user(viewer.user_id, 0, MANY)
        claims = claims_of(receipts[-1].token)
        assert (len(receipts), claims["kind"], claims["epoch"]) == (4, "unreadable", DESTROYED)
        assert claims["of"] == [{"jti": receipt.id, "seq": receipt.number} for receipt in receipts[:2]]
        assert claims["unreadable_since"] == "2026-01-01T00:00:00Z"
        assert receipts[-1] in await house.receipts.of_session(receipts[0].sessions[0], viewer, 0, MANY)
        await assert_whole(house, viewer.user_id)


async def test_each_is_made_once(house: Interior) -> None:
    await house.receipting.of_destroyed_epochs()
    assert await house.receipting.of_destroyed_epochs() == 0
    assert len(await house.receipts.of_user(ALICE.user_id, 0, MANY)) == 4


async def test_one_that_was_cut_short_before_it_was_noted_is_not_made_twice(
    house: Interior, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = type(house.receipts).close_epoch

    async def dies(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(type(house.receipts), "close_epoch", dies)
    with pytest.raises(ConnectionError):
        await house.receipting.of_destroyed_epochs()
    monkeypatch.setattr(type(house.receipts), "close_epoch", close)
    await house.receipting.of_destroyed_epochs()
    for viewer in (ALICE, BOB):
        assert len(await house.receipts.of_user(viewer.user_id, 0, MANY)) == 4
        await assert_whole(house, viewer.user_id)


async def test_one_that_was_cut_short_and_is_made_again_of_more_leaves_nothing_unnamed(
    house: Interior, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = type(house.receipts).close_epoch

    async def dies(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(type(house.receipts), "close_epoch", dies)
    with pytest.raises(ConnectionError):
        await house.receipting.of_destroyed_epochs()
    monkeypatch.setattr(module, "MOST_AT_ONCE", 500)
    monkeypatch.setattr(type(house.receipts), "close_epoch", close)
    await house.receipting.of_destroyed_epochs()
    for viewer in (ALICE, BOB):
        receipts = await house.receipts.of_user(viewer.user_id, 0, MANY)
        named = {each["jti"] for r in receipts if "of" in claims_of(r.token) for each in claims_of(r.token)["of"]}
        assert named == {receipt.id for receipt in receipts if receipt.epoch == DESTROYED}
        await assert_whole(house, viewer.user_id)


async def test_many_are_named_in_lots(house: Interior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    assert await house.receipting.of_destroyed_epochs() == 4
    kinds = [claims_of(r.token)["kind"] for r in await house.receipts.of_user(ALICE.user_id, 0, MANY)]
    assert kinds == ["deletion"] * 3 + ["unreadable"] * 2
    await assert_whole(house, ALICE.user_id)


async def test_an_erasure_has_a_receipt_that_names_nobody() -> None:
    house = Interior()
    id = await house.session()
    erasure = await house.erasing.session(id, ALICE)
    for _ in range(3):
        await house.erasing.drive_due()
        house.memory.clock.advance(60)
    erasure = await house.erasing.get(erasure.id, ALICE)
    receipt = await house.receipts.find(erasure_receipt(erasure))
    assert receipt is not None
    claims = claims_of(receipt.token)
    assert (claims["kind"], claims["session_id"], claims["found_afterwards"]) == ("erasure", id, 0)
    assert claims["found"] == dict(erasure.found)
    assert ALICE.user_id not in str(claims)
    await house.receipting.of_erasure(erasure)
    again = await house.receipts.find(erasure_receipt(erasure))
    assert again == receipt
