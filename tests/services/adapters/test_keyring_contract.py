"""What a keyring promises, in memory and in a folder."""

from pathlib import Path

import pytest

from services.adapters.folder_keyring import FolderKeyring
from services.recordings.ports.keyring import EpochId, EpochKey, Identity, KeyringTrouble, KeyringWriter
from tests.fakes.keyring import FakeKeyring
from tests.fakes.memory import KeyringContent

OWN = Identity("a" * 32, "b" * 32)
FIRST, SECOND = EpochKey(EpochId("00000001-0000000a"), b"1" * 32), EpochKey(EpochId("00000002-00000000"), b"2" * 32)


@pytest.fixture(params=["memory", "folder"])
def keyring(request: pytest.FixtureRequest, tmp_path: Path) -> KeyringWriter:
    return FakeKeyring(KeyringContent()) if request.param == "memory" else FolderKeyring(tmp_path / "keys" / "own")


async def test_there_is_none_until_one_is_made(keyring: KeyringWriter) -> None:
    assert (await keyring.identity(), await keyring.newest(), await keyring.epochs()) == (None, None, [])
    async with keyring.writing(makes=True):
        await keyring.make(OWN)
        assert await keyring.identity() == OWN
        with pytest.raises(KeyringTrouble):
            await keyring.make(Identity("other", "other"))
    assert (await keyring.identity(), await keyring.newest()) == (OWN, None)


async def test_its_place_is_made_with_it_and_by_nobody_else(tmp_path: Path) -> None:
    keyring = FolderKeyring(tmp_path / "keys" / "own")
    with pytest.raises(KeyringTrouble, match="No such file"):
        async with keyring.writing():
            pass
    assert list(tmp_path.iterdir()) == []
    async with keyring.writing(makes=True) as is_alone:
        assert is_alone
    async with keyring.writing() as is_alone:
        assert is_alone


async def test_the_newest_key_is_that_of_the_highest_number(keyring: KeyringWriter) -> None:
    async with keyring.writing(makes=True):
        for key in (SECOND, FIRST):
            await keyring.add(key)
    assert await keyring.newest() == SECOND
    assert await keyring.epochs() == [FIRST.id, SECOND.id]
    assert [await keyring.find(key.id) for key in (FIRST, SECOND)] == [FIRST, SECOND]


async def test_a_doomed_key_is_found_and_sealed_with_no_more(keyring: KeyringWriter) -> None:
    async with keyring.writing(makes=True):
        for key in (FIRST, SECOND):
            await keyring.add(key)
        await keyring.doom(SECOND.id)
        assert await keyring.newest() == FIRST
        assert await keyring.find(SECOND.id) == SECOND
        assert await keyring.epochs() == [FIRST.id, SECOND.id]
        assert [await keyring.is_doomed(key.id) for key in (FIRST, SECOND)] == [False, True]
        await keyring.spare(SECOND.id)
        await keyring.spare(FIRST.id)
    assert await keyring.newest() == SECOND
    assert not await keyring.is_doomed(SECOND.id)


@pytest.mark.parametrize("is_doomed", [False, True])
async def test_a_destroyed_key_is_gone(keyring: KeyringWriter, is_doomed: bool) -> None:
    async with keyring.writing(makes=True):
        await keyring.add(FIRST)
        if is_doomed:
            await keyring.doom(FIRST.id)
        for _ in range(2):
            await keyring.destroy(FIRST.id)
    assert (await keyring.find(FIRST.id), await keyring.epochs(), await keyring.newest()) == (None, [], None)
    assert await keyring.is_doomed(FIRST.id)


async def test_one_writes_at_a_time(keyring: KeyringWriter) -> None:
    async with keyring.writing(makes=True) as first, keyring.writing() as second:
        assert (first, second) == (True, False)
    async with keyring.writing() as third:
        assert third
