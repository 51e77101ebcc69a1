"""Folders of counts: one for each who serves, and none that stays of who was killed."""

import fcntl
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.counts import PREFIX, WATCHED, counts_folder

HOLDS = """
from app.counts import counts_folder
with counts_folder() as folder:
    (folder / "counter_1.db").write_bytes(b"1")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_goes_with_who_made_it(folder: Path) -> None:
    with counts_folder() as counts:
        assert list(folder.iterdir()) == [counts]
    assert not list(folder.iterdir())


def test_that_of_who_was_killed_goes_with_the_next_one_and_that_of_who_lives_stays(folder: Path) -> None:
    command = ["env", f"TMPDIR={folder}", sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lives:
        assert lives.stdout
        held = Path(lives.stdout.readline().strip())
        with counts_folder():
            assert (held / "counter_1.db").is_file()
        lives.kill()
    assert held.is_dir()
    with counts_folder() as counts:
        assert list(folder.iterdir()) == [counts]


def test_one_without_a_lock_in_it_is_left_alone(folder: Path) -> None:
    earlier = folder / f"{PREFIX}earlier"
    earlier.mkdir()
    with counts_folder():
        pass
    assert list(folder.iterdir()) == [earlier]


def test_one_that_is_taken_for_left_while_it_is_made_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    lock = fcntl.flock

    def late(file: int, how: int) -> None:
        lock(file, how)
        if len(made) == 0:
            made.extend(str(path) for path in Path(tempfile.gettempdir()).iterdir())
            (Path(made[0]) / WATCHED).unlink()

    monkeypatch.setattr(fcntl, "flock", late)
    with counts_folder() as counts:
        assert str(counts) != made[0]
