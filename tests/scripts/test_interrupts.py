"""Ctrl-C while a command is being loaded ends it with a line, and with what a shell calls 130."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.stack.layout import ROOT

# It sleeps by moments: a signal that comes just before a sleep is heard of behind it.
SLOW = """
import time
print("loading", flush=True)
for _ in range(60_000):
    time.sleep(0.01)
"""
TOLD = 'import sys\nprint("told", *sys.argv[1:])\nraise ValueError("of its own")\n'


@contextmanager
def begun(folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    own = ["env", "--default-signal=INT", f"PYTHONPATH={folder}", sys.executable, "-m", *command]
    with subprocess.Popen(own, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("command", "loads"),
    [
        ("scripts.doctor", "typer"),
        ("scripts.mint_token", "typer"),
        ("scripts.demo", "httpx2"),
        ("scripts.stack.up", "typer"),
        ("app.serve", "uvicorn"),
        ("scripts.promptly pytest", "pytest"),
    ],
)
def test_it_is_a_line(tmp_path: Path, command: str, loads: str) -> None:
    (tmp_path / f"{loads}.py").write_text(SLOW)
    with begun(tmp_path, *command.split()) as process:
        assert process.stdout and process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=300) == ("", "\nStopped.\n")
    assert process.returncode == -signal.SIGINT


def test_another_ones_module_has_its_own_arguments_and_its_own_errors(tmp_path: Path) -> None:
    (tmp_path / "of_another.py").write_text(TOLD)
    with begun(tmp_path, "scripts.promptly", "of_another", "--with", "some") as process:
        said, complained = process.communicate(timeout=300)
    assert said == "told --with some\n"
    assert complained.endswith("ValueError: of its own\n")
    assert process.returncode == 1


def test_what_make_runs_is_a_command_of_this_package_or_run_by_one() -> None:
    runs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "$(RUN) -m " in line]
    others = [line for line in runs if not line.partition("$(RUN) -m ")[2].startswith("scripts.")]
    assert runs
    assert all(line.partition("$(RUN) -m ")[2].startswith(("ruff", "mypy")) for line in others), others
