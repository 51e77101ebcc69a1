"""Make the environment of the commands from hash locks: `python3 scripts/environment.py FOLDER LOCK [COVERED ...]`.

Run by whatever Python there is, before anything is installed, so it uses no more than old ones know. Who comes while
somebody else makes the same environment waits, and finds it made.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

LEAST = (3, 11)
STOPPED = 130


def main(folder: Path, lock: Path, *covered: Path) -> None:
    """Make the folder where it is not there or no longer works, and install the lock; `covered` are parts of it."""
    with folder.with_name(folder.name + ".lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        python = folder / "bin" / "python"
        if not _works(python):
            _make(folder)
        if not _is_noted(folder, lock):
            _run(python, "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r", lock)
            for each in (lock, *covered):
                _marker(folder, each).write_text(_digest(each))


def _works(python: Path) -> bool:
    """Whether the interpreter runs, is new enough and has pip."""
    check = f"import sys, pip; sys.exit(sys.version_info < {LEAST})"
    return python.exists() and subprocess.call([python, "-c", check], stderr=subprocess.DEVNULL) == 0


def _make(folder: Path) -> None:
    if sys.version_info < LEAST:
        needed = "Python 3.11 or later is needed"
        sys.exit(f"{needed}, and {sys.executable} is not: PYTHON=/path/to/python3.11 make ...")
    if subprocess.call([sys.executable, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL):
        sys.exit(f"{sys.executable} has no venv module: install it (Debian, Ubuntu: apt install python3-venv)")
    sys.stderr.write(f"Making {folder} ...\n")
    _run(sys.executable, "-m", "venv", "--clear", folder)


def _run(*command: str | Path) -> None:
    code = subprocess.call(command, stdout=sys.stderr)
    if code:
        sys.exit(code)


def _is_noted(folder: Path, lock: Path) -> bool:
    marker = _marker(folder, lock)
    return marker.is_file() and marker.read_text() == _digest(lock)


def _marker(folder: Path, lock: Path) -> Path:
    return folder / f".{lock.name}.installed"


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What is half made is made anew the next time.\n")
        sys.exit(STOPPED)
    except OSError as error:
        sys.exit(f"{sys.argv[1]} cannot be made: {error}. Free some space, or put this folder where it can be written.")
