"""Run a program whose output goes into a file for as long as there is room: it neither stands still nor ends for it.

supervisord ends where it cannot say that it cannot write. Runs as a file of its own, in the place of the program:
    python -I -S forgiving.py FILE PROGRAM ARGUMENT ...
"""

import os
import sys
from contextlib import suppress

PIECE = 65_536


def keep(reading: int, file: str) -> None:
    with suppress(OSError), open(file, "wb", buffering=0) as target:  # noqa: PTH123 - as in child.py
        while piece := os.read(reading, PIECE):
            with suppress(OSError):
                target.write(piece)
    while os.read(reading, PIECE):
        """Nobody hears it."""


def main(file: str, command: list[str]) -> None:
    """Become the program; its output goes through a child, which ends with it."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        keep(reading, file)
        os._exit(0)
    os.close(reading)
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
