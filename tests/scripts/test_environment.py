"""The environment of the commands: made once, whoever asks for it at once, and anew where it no longer serves."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import environment
from scripts.stack.layout import ROOT


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock that asks for nothing, so that nothing has to be fetched."""
    lock = tmp_path / "some.lock"
    lock.write_text("# nothing\n")
    return lock


def making(folder: Path, lock: Path) -> subprocess.Popen[str]:
    command: list[str | Path] = [sys.executable, ROOT / "scripts" / "environment.py", folder, lock]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.long
def test_two_at_once_make_one_environment(tmp_path: Path, lock: Path) -> None:
    folder = tmp_path / "venv"
    both = [making(folder, lock), making(folder, lock)]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("Making" in each for each in said) == [False, True]
    assert subprocess.call([folder / "bin" / "python", "-c", "import pip"]) == 0


@pytest.mark.long
def test_commands_with_other_locks_wait_for_each_other_too(tmp_path: Path, lock: Path) -> None:
    """As `make demo` and `make test` do on a fresh clone: the one's lock is a part of the other's."""
    folder, whole = tmp_path / "venv", tmp_path / "whole.lock"
    whole.write_text("# all\n")
    command: list[str | Path] = [sys.executable, ROOT / "scripts" / "environment.py", folder]
    both = [
        subprocess.Popen([*command, *locks], stderr=subprocess.PIPE, text=True) for locks in ([lock], [whole, lock])
    ]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("Making" in each for each in said) == [False, True]
    assert subprocess.call([folder / "bin" / "python", "-c", "import pip"]) == 0
    assert {file.name for file in folder.glob(".*.installed")} == {f".{lock.name}.installed", ".whole.lock.installed"}


OLD = "#!/bin/sh\n# a Python that is too old, or whose pip is gone, says no\nexit 1\n"


@pytest.mark.parametrize("broken", [None, OLD])
def test_what_does_not_serve_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str | None) -> None:
    made: list[Path] = []
    monkeypatch.setattr(environment, "_make", made.append)
    monkeypatch.setattr(environment, "_is_noted", lambda *_: True)
    folder = tmp_path / "venv"
    if broken is not None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text(broken)
        (folder / "bin" / "python").chmod(0o755)
    environment.main(folder, tmp_path / "some.lock")
    assert made == [folder]


def test_an_interpreter_that_is_too_old_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment._works(Path(sys.executable))
    monkeypatch.setattr(environment, "LEAST", (99, 0))
    assert not environment._works(Path(sys.executable))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or later is needed"):
        environment._make(Path("unused"))


def test_a_lock_is_installed_once_and_again_when_it_changes(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(environment, "_works", lambda _: True)
    monkeypatch.setattr(environment, "_run", lambda *command: ran.append(str(command[-1])))
    folder, part = tmp_path / "venv", tmp_path / "part.lock"
    folder.mkdir()
    part.write_text("# a part\n")
    for _ in range(2):
        environment.main(folder, lock, part)
    environment.main(folder, part)
    assert ran == [str(lock)]
    lock.write_text("# something else\n")
    environment.main(folder, lock, part)
    assert ran == [str(lock)] * 2


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, lock: Path) -> str:
    """What it ends with."""
    monkeypatch.setattr(sys, "argv", ["environment.py", str(folder), str(lock)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "scripts" / "environment.py"), run_name="__main__")
    return str(end.value.code)


def test_where_nothing_can_be_written_there_is_a_sentence(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert "cannot be made: [Errno 20] Not a directory" in run(monkeypatch, tmp_path / "file" / "venv", lock)


def test_a_stop_is_a_sentence(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fcntl.flock", stopped)
    assert run(monkeypatch, tmp_path / "venv", lock) == "130"
    assert "Stopped. What is half made is made anew" in capsys.readouterr().err


def test_the_commands_of_make_ask_for_it() -> None:
    for target, lock in {"doctor": "requirements-local.lock", "test": "requirements-dev.lock"}.items():
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert f"scripts/environment.py .venv {lock}" in done.stdout
