"""A stack on another keyring than its database's is refused with a sentence, not waited for."""

from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from typer.testing import CliRunner

from app.config import StackSettings
from scripts import keys
from scripts.stack.errors import StackError
from scripts.stack.keyring import keyring_trouble
from scripts.stack.layout import Layout
from scripts.stack.stack import Stack


def test_a_wrong_folder_is_refused_as_soon_as_the_api_says_that_it_has_no_keys(
    database: AsyncDatabase[dict[str, Any]],
    mongodb_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": database.name, "KEYRING_DIR": str(tmp_path / "keys")}
    assert keyring_trouble(own) is None, "the first start makes one"
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("scripts.settings.configure_logs", lambda _: None)
    assert CliRunner().invoke(keys.app, ["rotate"]).exit_code == 0
    assert keyring_trouble(own) is None

    given = {**own, "REDIS_URL": redis_url, "KEYRING_DIR": str(tmp_path / "kyes")}
    stack = Stack(StackSettings.told(given), Layout.at(tmp_path / "state"))
    stack._known = stack.environment
    monkeypatch.setattr(stack, "_ready", lambda: {"ready": False, "keys": "down"})
    monkeypatch.setattr(stack._crashes, "check", lambda: None)
    with pytest.raises(StackError, match=f"There is no keyring in {tmp_path / 'kyes'}"):
        stack.wait(lambda: None, lambda _: None)
    assert not (tmp_path / "kyes").exists()


@pytest.mark.usefixtures("database")
def test_a_look_says_nothing_of_an_address_with_options_that_are_not_heeded(
    mongodb_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is for who waits until the stack is ready."""
    given = {"MONGODB_URL": f"{mongodb_url}&readPreference=secondary", "KEYRING_DIR": str(tmp_path / "keys")}
    assert keyring_trouble({**given, "MONGODB_DATABASE": "test_looks"}) is None
    assert capsys.readouterr() == ("", "")
