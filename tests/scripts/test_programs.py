"""Where the servers come from, and what is said where they cannot start."""

from pathlib import Path

import pytest

from scripts.stack import programs
from scripts.stack.errors import ProgramMissing


def put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return program


def test_both_servers_are_here() -> None:
    assert programs.find_mongod().is_file()
    assert programs.find_valkey().is_file()


def test_a_server_on_the_path_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = put_on_path(monkeypatch, tmp_path, "mongod", "exit 0")
    assert programs.find_mongod() == mine


def test_redis_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = put_on_path(monkeypatch, tmp_path, "redis-server", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find_valkey() == mine


def test_a_server_that_cannot_start_says_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_on_path(monkeypatch, tmp_path, "mongod", "echo 'libcurl.so.4: cannot open shared object file' >&2; exit 127")
    monkeypatch.setitem(programs.LIBRARIES, "libno-such.so.1", "libno-such 1")
    with pytest.raises(ProgramMissing) as raised:
        programs.find_mongod()
    assert "libcurl.so.4: cannot open" in str(raised.value)
    assert "lacks: libno-such 1" in str(raised.value)
    assert "set MONGODB_URL" in str(raised.value)
