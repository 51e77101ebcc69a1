"""The state folder of a stack."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.config import StackSettings
from scripts.stack import supervise
from scripts.stack.errors import StackError, StateInUse
from scripts.stack.layout import Layout
from scripts.stack.stack import Stack


def test_what_was_written_is_read_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    layout.write_env({"MONGODB_URL": "mongodb://127.0.0.1:1/?replicaSet=rs0", "JWT_SECRET": "s"})
    assert layout.read_env() == {"MONGODB_URL": "mongodb://127.0.0.1:1/?replicaSet=rs0", "JWT_SECRET": "s"}
    assert stat.S_IMODE(layout.env.stat().st_mode) == 0o600


def test_a_folder_without_a_stack_has_no_environment(tmp_path: Path) -> None:
    assert Layout.at(tmp_path / "none").read_env() == {}


def test_two_stacks_cannot_share_a_folder(tmp_path: Path) -> None:
    with Layout.at(tmp_path).lock(), pytest.raises(StateInUse, match="STATE_DIR"), Layout.at(tmp_path).lock():
        pass


def test_a_folder_is_free_again_after_its_stack(tmp_path: Path) -> None:
    for _ in range(2):
        with Layout.at(tmp_path).lock():
            pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="STATE_DIR"), Layout.at(tmp_path / "file" / "state").lock():
        pass


@pytest.mark.parametrize("name", ["a #b", "a ;b", "a\nb"])
def test_a_folder_at_whose_name_a_line_would_end_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackError, match="STATE_DIR"):
        Layout.at(tmp_path / name).make()


def test_nobody_else_looks_into_the_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Layout.at(tmp_path).make()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_folder_of_everybodys_is_not_shut(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(StackError, match=r"STATE_DIR .* choose a folder in it"):
        Layout.at(tmp_path).make()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_a_pid_file_that_is_being_written_is_passed_over(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    layout.make()
    layout.pid_file("api").write_text("")
    layout.pid_file("worker").write_text("7")
    assert layout.read_pids() == {"worker": 7}


def test_the_password_of_the_embedded_servers_outlives_a_start_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mongod keeps it with its data, and would let in nobody who has another."""
    monkeypatch.setattr(supervise, "start", lambda *_: None)
    layout = Layout.at(tmp_path)
    layout.make()
    others = {"MONGODB_URL": "mongodb://u:100%25@db/?replicaSet=rs0", "REDIS_URL": "redis://:other@cache:6379/0"}
    seen: set[str | None] = set()
    for given in ({}, others, {}):
        Stack(StackSettings.told(given), layout).start()
        if not given:
            seen |= {urlsplit(layout.read_env()[name]).password for name in others}
    assert seen == {layout.password.read_text()}
    assert stat.S_IMODE(layout.password.stat().st_mode) == 0o600
