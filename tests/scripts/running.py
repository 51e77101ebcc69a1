"""A stack started by its command, as a person starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.stack.layout import ROOT, Layout
from tests import servers

NAMES = {"mongod", "valkey", "worker", "upkeep", "beat", "api", "supervisord"}
WITHOUT = ("-u", "MONGODB_URL", "-u", "REDIS_URL", "-u", "JWT_SECRET", "-u", "CACHE_DIR")


def until(done: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for it; a TimeoutError if it never comes."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether the process is there, and not only because its parent has not looked yet."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Running:
    """One `up` process and the folder of its stack."""

    layout: Layout
    port: int
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, folder: Path, port: int, *prefix: str) -> "Running":
        """Run the command in a process group of its own, with its output in two files."""
        folder.mkdir(parents=True, exist_ok=True)
        where = (f"STATE_DIR={folder / 'state'}", f"PORT={port}", f"API_PROCESSES={servers.API_PROCESSES}")
        command = ["env", *WITHOUT, *where, *prefix]
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            process = subprocess.Popen(
                [*command, sys.executable, "-m", "scripts.stack.up", "--with-parent"],
                cwd=ROOT, stdout=out, stderr=err, text=True, start_new_session=True,
            )  # fmt: skip
        return cls(Layout.at(folder / "state"), port, process)

    def output(self, name: str) -> str:
        return (self.layout.root.parent / name).read_text()

    def wait_ready(self) -> None:
        until(lambda: "ready " in self.output("out") or self.process.poll() is not None, 240)
        assert self.output("out") == f"ready http://127.0.0.1:{self.port}\n", self.output("err")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal to the command and wait for its end; how it ended."""
        self.process.send_signal(number)
        return self.process.wait(120)

    def kill_all(self) -> None:
        """For a test that failed half-way: leave nothing running."""
        pids = [pid for pid in self.layout.read_pids().values() if runs(pid)]
        for pid in [self.process.pid, *pids]:
            if self.process.returncode is None or pid != self.process.pid:
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
