"""What processes make, refuse and say of the keyring as they start."""

from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.keys import KeyStore, key_store
from services.operations.epochs import Epochs
from tests.logs import captured

Database = AsyncDatabase[dict[str, Any]]


def store(database: Database, folder: Path, **changed: Any) -> KeyStore:
    return key_store(Settings(keyring_dir=folder, **changed), database)


def epochs(store: KeyStore) -> Epochs:
    assert store.epochs is not None
    return store.epochs


async def test_who_starts_first_makes_the_folder_and_who_only_reads_does_not(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "keys"
    with captured() as logs:
        await store(database, folder).look()
    assert (logs, list(tmp_path.iterdir())) == ([], [])
    await store(database, folder).begin()
    assert (folder / "keyring.json").is_file()


async def test_a_wrong_folder_is_told_by_who_reads_and_made_by_nobody(database: Database, tmp_path: Path) -> None:
    await store(database, tmp_path / "keys").begin()
    typo = store(database, tmp_path / "kyes")
    with captured() as logs:
        await typo.look()
        assert not await epochs(typo).ensure()
        await epochs(typo).tend()
    assert [log["event"] for log in logs] == ["the keyring cannot be used", "the keyring is not tended"]
    assert all(f"There is no keyring in {tmp_path / 'kyes'}" in log["reason"] for log in logs)
    assert [each.name for each in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("starts", ["begin", "look"])
async def test_recordings_whose_keys_are_not_there_are_told_of_at_the_start(
    database: Database, tmp_path: Path, starts: str
) -> None:
    await store(database, tmp_path / "keys").begin()
    sealed = {"sealed": {"epoch": "00000007-0000000a"}}
    await database["fs.files"].insert_one({"_id": ObjectId(), "metadata": sealed})
    arriving = {"state": "uploading", "arrival": {"folded": 0, "sealed": {"epoch": "00000008-0000000b"}}}
    await database["parts"].insert_one({"_id": ObjectId(), **arriving})
    late = store(database, tmp_path / "keys")
    with captured() as logs:
        await getattr(late, starts)()
    assert [log["epochs"] for log in logs] == [["00000007-0000000a", "00000008-0000000b"]]
    assert await late.missing_keys() == 2
