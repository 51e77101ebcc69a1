"""The sweep as a command ends with a sentence, whatever MongoDB or the keyring says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from bson import ObjectId
from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure
from typer.testing import CliRunner, Result

from scripts import cleanup, keys
from services.adapters.mongo.audio import GridAudio
from services.errors import KeyringUnavailable, StoreUnavailable
from services.interviews.model import PartId
from services.recordings.ports.audio import Deletion
from services.recordings.ports.keyring import KeyringTrouble

Run = Callable[..., Result]

NO_KEYRING = KeyringUnavailable()
NO_KEYRING.__cause__ = KeyringTrouble("There is no keyring in /nowhere.")
UNAUTHORIZED = OperationFailure("not authorized on viva_voce", 13, {"codeName": "Unauthorized"})


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (StoreUnavailable(), "did not answer"),
        (UNAUTHORIZED, "refused: Unauthorized"),
        (NO_KEYRING, "There is no keyring in /nowhere. `python -m scripts.doctor` says more"),
    ],
)
def test_what_is_in_the_way_is_a_sentence_and_ends_with_1(
    trouble: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise trouble

    monkeypatch.setenv("KEYRING_DIR", "/nowhere")
    monkeypatch.setattr(cleanup, "clean", fails)
    monkeypatch.setattr("scripts.settings.configure_logs", lambda _: None)
    with pytest.raises(typer.Exit) as end:
        cleanup.main()
    assert end.value.exit_code == 1
    assert said in capsys.readouterr().err.replace("\n", " ")


@pytest.fixture
def run(
    database: AsyncDatabase[dict[str, Any]],
    mongodb_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """A command on a keyring in a folder."""
    own = {"MONGODB_URL": mongodb_url, "REDIS_URL": redis_url, "MONGODB_DATABASE": database.name}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("scripts.settings.configure_logs", lambda _: None)
    clean = typer.Typer()
    clean.command()(cleanup.main)

    def run(folder: str, *words: str) -> Result:
        monkeypatch.setenv("KEYRING_DIR", str(tmp_path / folder))
        return CliRunner().invoke(keys.app, ["rotate"]) if words == ("rotate",) else CliRunner().invoke(clean, words)

    return run


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_where_the_keyring_cannot_be_tended_all_else_is_done_and_it_ends_with_1(run: Run, words: tuple[str]) -> None:
    assert run("keys", *words).exit_code == 0
    assert run("keys", "rotate").exit_code == 0
    assert run("keys", *words).exit_code == 0
    done = run("keys.typo", *words)
    assert done.exit_code == 1
    assert "audio files without a record deleted" in " ".join(done.stdout.split())
    assert "There is no keyring in" in done.stderr
    assert "Set KEYRING_DIR to its folder" in done.stderr
    assert "all else was looked after" in done.stderr


def test_what_cannot_be_done_is_counted_and_it_ends_with_1(
    run: Run, database: AsyncDatabase[dict[str, Any]], mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = ObjectId("0" * 8 + "e" * 16), ObjectId("0" * 8 + "f" * 16)
    delete = GridAudio.delete

    async def fails(self: GridAudio, id: PartId) -> Deletion:
        if id == str(broken):
            raise ValueError(id)
        return await delete(self, id)

    monkeypatch.setattr(GridAudio, "delete", fails)
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        files = client[database.name]["fs.files"]
        files.insert_many([{"_id": broken, "length": 0}, {"_id": sound, "length": 0}])
        done = run("keys")
        assert [file["_id"] for file in files.find()] == [broken]
    assert done.exit_code == 1
    assert "1 of these met an error and are not done: the lines above name each" in done.stderr
