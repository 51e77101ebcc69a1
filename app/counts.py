"""Where several processes keep what they count together."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, WATCHED = "viva-voce-counts-", "watched"


@contextmanager
def counts_folder() -> Iterator[Path]:
    """A folder for as long as this process lives; those of processes that were killed go."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):
                _remove_if_left(folder)
    folder, lock = _made()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made() -> tuple[Path, int]:
    """It and its lock, which the system lets go of with the process; anew where it was taken for one that was left."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = os.open(folder / WATCHED, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / WATCHED).exists():
            return folder, lock
        os.close(lock)


def _remove_if_left(folder: Path) -> None:
    """One without a lock in it is of a version that made none, and may be in use."""
    lock = os.open(folder / WATCHED, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)
