"""What the doctor says of the keys of recordings."""

from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.finding import Finding, State
from app.keys import key_store
from scripts.doctor.keyring import judged, looked_at
from services.operations.epochs import Epochs
from services.recordings.ports.keyring import Epoch, EpochId, EpochState

Database = AsyncDatabase[dict[str, Any]]
ID = EpochId("00000001-00000000")


@pytest.fixture
def settings(database: Database, mongodb_url: str, tmp_path: Path) -> Settings:
    return Settings(mongodb_url=mongodb_url, mongodb_database=database.name, keyring_dir=tmp_path / "keys")


@pytest.fixture
async def epochs(database: Database, settings: Settings) -> Epochs:
    store = key_store(settings, database)
    await store.begin()
    assert store.epochs is not None
    return store.epochs


def only(findings: list[Finding]) -> Finding:
    (finding,) = [each for each in findings if each.state is not State.OK]
    assert finding.todo
    return finding


def put_back(key: Path, content: bytes) -> None:
    key.write_bytes(content)
    key.chmod(0o600)


async def test_a_sound_keyring_is_well(database: Database, settings: Settings, epochs: Epochs) -> None:
    keyring, newest = await looked_at(database, settings)
    assert (keyring.state, newest.state) == (State.OK, State.OK)
    assert "1 keys" in keyring.said


async def test_who_is_told_no_folder_is_failing_and_who_seals_nothing_is_warned(database: Database) -> None:
    assert "KEYRING_DIR is not set" in only(await looked_at(database, Settings())).said
    finding = only(await looked_at(database, Settings(encrypt_recordings=False)))
    assert (finding.state, "not sealed" in finding.said) == (State.WARNING, True)


async def test_a_keyring_that_is_away_or_anothers_is_failing(
    database: Database, settings: Settings, epochs: Epochs, tmp_path: Path
) -> None:
    (tmp_path / "keys").rename(tmp_path / "moved")
    assert "There is no keyring in" in only(await looked_at(database, settings)).todo
    moved = settings.model_copy(update={"keyring_dir": tmp_path / "moved"})
    other = database.client[f"test_{ObjectId()}"]
    assert "is another database's" in only(await looked_at(other, moved)).todo
    (tmp_path / "moved" / "keyring.json").write_text("{")
    assert "damaged" in only(await looked_at(database, moved)).todo


async def test_recordings_whose_keys_are_not_there_are_failing(
    database: Database, settings: Settings, epochs: Epochs
) -> None:
    await database["fs.files"].insert_one({"_id": ObjectId(), "metadata": {"sealed": {"epoch": "00000007-0000000a"}}})
    finding = only(await looked_at(database, settings))
    assert (finding.state, "need the keys of 00000007-0000000a" in finding.said) == (State.FAILING, True)
    assert "Is KEYRING_DIR the right folder" in finding.todo
    bare = Settings(mongodb_database=database.name, encrypt_recordings=False)
    finding = only(await looked_at(database, bare))
    assert (finding.state, "are sealed" in finding.said) == (State.FAILING, True)


async def test_a_keyring_that_others_may_read_is_failing(
    database: Database, settings: Settings, epochs: Epochs, tmp_path: Path
) -> None:
    (key,) = (tmp_path / "keys").glob("*.key")
    key.chmod(0o644)
    assert key.name in only(await looked_at(database, settings)).said


async def test_a_lost_key_is_failing_and_one_that_came_back_is_a_warning(
    database: Database, settings: Settings, epochs: Epochs, tmp_path: Path
) -> None:
    (key,) = (tmp_path / "keys").glob("*.key")
    kept = key.read_bytes()
    key.unlink()
    await epochs.tend()
    finding = only(await looked_at(database, settings))
    assert (finding.state, key.stem in finding.said) == (State.FAILING, True)
    put_back(key, kept)
    await epochs.tend()
    assert all(each.state is State.OK for each in await looked_at(database, settings))
    await epochs.destroy(EpochId(key.stem), at_once=True)
    put_back(key, kept)
    await epochs.tend()
    finding = only(await looked_at(database, settings))
    assert (finding.state, "came back" in finding.said, key.exists()) == (State.WARNING, True, False)


@pytest.mark.parametrize(("hours", "state"), [(1, State.OK), (47, State.OK), (49, State.WARNING)])
def test_an_epoch_that_goes_on_for_too_long_is_a_warning(hours: float, state: State) -> None:
    epoch = Epoch(id=ID, state=EpochState.OPEN, open_seconds=hours * 3600)
    (finding,) = judged([epoch], Settings())
    assert finding.state is state
