"""End what an earlier stack left running in the same state folder."""

import os
import signal
import time
from pathlib import Path

from scripts.stack.layout import Layout

MARK = "VIVA_VOCE_STACK"
PATIENCE = 4.0


def end_all(layout: Layout, patience: float = PATIENCE) -> None:
    """Terminate, then kill, every process that the pid files name; forget the pid files."""
    pids = alive(layout)
    _send(pids, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while alive(layout) and time.monotonic() < deadline:
        time.sleep(0.05)
    kill_all(layout)


def kill_all(layout: Layout) -> None:
    """Kill every process that the pid files name; forget the pid files."""
    deadline = time.monotonic() + 2
    while (pids := alive(layout)) and time.monotonic() < deadline:
        _send(pids, signal.SIGKILL)
        time.sleep(0.02)
    layout.forget_pids()


def alive(layout: Layout) -> list[int]:
    """The processes of the pid files that run and are of this stack, its supervisor first."""
    pids = layout.read_pids()
    names = sorted(pids, key=lambda name: (name != "supervisord", name))
    return [pids[name] for name in names if is_ours(pids[name], layout)]


def is_ours(pid: int, layout: Layout) -> bool:
    """A pid may have been given to another program since. Valkey writes its title over its environment."""
    process = Path("/proc") / str(pid)
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
        command = (process / "cmdline").read_bytes().split(b"\0")
        is_valkey = (process / "cwd").readlink() == layout.data("valkey")
    except OSError:
        return False
    marked = f"{MARK}={layout.root}".encode() in environment
    return marked or is_valkey or str(layout.supervisor).encode() in command


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
