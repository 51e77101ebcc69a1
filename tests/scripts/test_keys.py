"""The keys by hand: what is done, and what is refused with a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from typer.testing import CliRunner, Result

from scripts.keys import app, why

Keys = Callable[..., Result]


@pytest.fixture
def keys(
    database: AsyncDatabase[dict[str, Any]], mongodb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Keys:
    settings = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": database.name, "KEYRING_DIR": str(tmp_path / "keys")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("scripts.settings.configure_logs", lambda _: None)
    return lambda *words: CliRunner().invoke(app, words)


def rows(keys: Keys) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(keys("list", "--json").stdout)
    return found


def said(result: Result) -> str:
    assert result.exit_code == 1
    return " ".join(result.stderr.split())


def test_an_epoch_is_begun_and_destroyed_by_hand(keys: Keys, tmp_path: Path) -> None:
    assert rows(keys) == []
    assert keys("rotate").exit_code == 0
    (first,) = rows(keys)
    assert (first["state"], first["key"], first["recordings"]) == ("open", True, 0)
    assert "is open, or was closed less than 5 minutes ago" in said(keys("destroy", first["id"]))
    done = keys("destroy", first["id"], "--at-once")
    assert (done.exit_code, first["id"] in done.stdout) == (0, True)
    gone, second = rows(keys)
    assert (gone["state"], gone["key"], gone["reason"]) == ("destroyed", False, "destroyed by hand")
    assert (second["state"], second["key"]) == ("open", True)
    assert "There is no key of an epoch" in said(keys("destroy", first["id"]))
    assert second["id"] in keys("list").stdout


def test_what_recordings_need_is_destroyed_only_with_their_number(
    keys: Keys, database: AsyncDatabase[dict[str, Any]], mongodb_url: str
) -> None:
    keys("rotate")
    (epoch,) = rows(keys)
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        files = [{"_id": ObjectId(), "metadata": {"sealed": {"epoch": epoch["id"]}}} for _ in range(3)]
        client[database.name]["fs.files"].insert_many(files)
    assert "--even-with 3" in said(keys("destroy", epoch["id"], "--at-once"))
    assert "--even-with 3" in said(keys("destroy", epoch["id"], "--at-once", "--even-with", "2"))
    assert rows(keys)[0]["recordings"] == 3
    assert keys("destroy", epoch["id"], "--at-once", "--even-with", "3").exit_code == 0
    assert (rows(keys)[0]["state"], rows(keys)[0]["recordings"]) == ("destroyed", 3)


def test_a_keyring_is_replaced_only_where_it_is_lost(keys: Keys, tmp_path: Path) -> None:
    keys("rotate")
    assert "--lost" in said(keys("replace"))
    assert "it is not replaced" in said(keys("replace", "--lost"))
    (tmp_path / "keys").rename(tmp_path / "elsewhere")
    assert "There is no keyring in" in said(keys("rotate"))
    assert keys("replace", "--lost").exit_code == 0
    assert [row["state"] for row in rows(keys)] == ["lost", "open"]


def test_a_folder_that_is_none_is_said_and_not_made(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no key of an epoch" in said(keys("destroy", "00000001-00000000"))
    assert not (tmp_path / "keys").exists()
    keys("rotate")
    monkeypatch.setenv("KEYRING_DIR", str(tmp_path / "kyes"))
    for words in (("list",), ("list", "--json"), ("rotate",), ("destroy", "00000001-00000000")):
        assert f"There is no keyring in {tmp_path / 'kyes'}" in said(keys(*words))
    assert [row["state"] for row in rows(keys)] == ["open"]
    assert not (tmp_path / "kyes").exists()


def test_another_databases_keyring_is_left_alone(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("rotate")
    monkeypatch.setenv("MONGODB_DATABASE", f"test_{ObjectId()}")
    assert "is another database's" in said(keys("rotate"))
    assert "is another database's" in said(keys("destroy", "00000001-00000000"))


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("KEYRING_DIR", "", "KEYRING_DIR is not set"),
        ("KEYRING_DIR", "/dev/null/keys", "Not a directory"),
        ("MONGODB_URL", "mongodb://127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=50", "MongoDB did not answer"),
    ],
)
def test_what_is_in_the_way_is_a_sentence(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert sentence in said(keys("rotate"))


def test_why_an_epoch_is_as_it_is_is_told_without_what_is_not_known() -> None:
    told = [why({"reason": reason, "returns": returns}) for reason in (None, "by hand") for returns in (0, 1)]
    assert told == ["", "came back 1 times", "by hand", "by hand; came back 1 times"]
