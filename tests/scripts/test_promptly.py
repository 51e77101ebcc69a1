"""Ctrl-C while a command is being loaded ends it without a word."""

import signal
import subprocess
import sys
from pathlib import Path

from scripts.stack.layout import ROOT

SLOW = """
import sys, time
print("loading", *sys.argv[1:], flush=True)
time.sleep(0 if sys.argv[1:] else 600)
"""


def begun(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "slow_to_load.py").write_text(SLOW)
    own = ["env", "--default-signal=INT", f"PYTHONPATH={folder}"]
    command = [*own, sys.executable, "-m", "scripts.promptly", "slow_to_load", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_ends_at_once_and_in_silence(tmp_path: Path) -> None:
    with begun(tmp_path) as process:
        assert process.stdout and process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -signal.SIGINT


def test_the_module_has_its_own_arguments(tmp_path: Path) -> None:
    with begun(tmp_path, "--with", "some") as process:
        assert process.communicate(timeout=60) == ("loading --with some\n", "")
    assert process.returncode == 0
