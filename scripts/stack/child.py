"""Become a program of the stack: note the process id, end with the parent, take on settings, wait for ports, exec.

Runs as a file of its own, so that a start costs milliseconds:
    python -I -S child.py PID_FILE SETTINGS_FILE [HOST:PORT ...] -- PROGRAM ARGUMENT ...
"""

import ctypes
import os
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel send SIGTERM here when the parent process ends."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:
        sys.exit(1)


def note_pid(path: str) -> None:
    """Replace the pid file in one step, or where there is no room write over it; the program starts in any case."""
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "w") as file:  # noqa: PTH123 - pathlib would double the time of a start
            file.write(str(os.getpid()))
        os.replace(draft, path)  # noqa: PTH105
    except OSError:
        try:
            with open(path, "r+") as file:  # noqa: PTH123 - as above
                file.write(f"{os.getpid()}\n")
                file.truncate()
        except OSError as error:
            sys.stderr.write(f"the pid is not noted: {error}\n")


def take_on(path: str) -> None:
    """Have what is executed find the file's `NAME=value` lines in its environment."""
    with open(path) as file:  # noqa: PTH123 - as above
        for line in file:
            name, _, value = line.rstrip("\n").partition("=")
            os.putenv(name, value)


def wait_for(address: str) -> None:
    """Return once something listens there."""
    host, _, port = address.rpartition(":")
    while True:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)


def main(arguments: list[str]) -> None:
    """Exec what follows the `--`."""
    split = arguments.index("--")
    pid_file, settings_file, *addresses = arguments[:split]
    command = arguments[split + 1 :]
    die_with_parent()
    note_pid(pid_file)
    take_on(settings_file)
    for address in addresses:
        wait_for(address)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
