"""Tell a process that keeps dying from one that is slow to start, or was killed once."""

import math
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from scripts.stack.errors import KeepsDying
from scripts.stack.layout import Layout

STARTS_TOO_MANY = 4
WITHIN_SECONDS = 60.0
LINES = 20
# mongod's way to its end, behind which its last words would not be seen.
BACKTRACE = ('"msg": "BACKTRACE"', '"msg": "Frame"')


class Crashes:
    """Counts the starts of each process by its changing pid file."""

    def __init__(self, layout: Layout, clock: Callable[[], float] = time.monotonic) -> None:
        self._layout, self._clock = layout, clock
        self._seen: dict[str, dict[int, float]] = {}
        self._told: set[str] = set()
        self._before = {log: log.stat().st_size for log in layout.logs.glob("*.log")}

    def check(self) -> None:
        """KeepsDying, with the end of its log, once a process has started too often."""
        for said in self.news(math.inf):
            raise KeepsDying(said)

    def news(self, within: float = WITHIN_SECONDS) -> Iterator[str]:
        """Of each process that began to keep dying what it is and the end of its log; again once it had stood."""
        now = self._clock()
        for name, pid in self._layout.read_pids().items():
            seen = self._seen.setdefault(name, {})
            seen.setdefault(pid, now)
            if sum(now - begun < within for begun in seen.values()) < STARTS_TOO_MANY:
                self._told.discard(name)
            elif name not in self._told:
                self._told.add(name)
                log = self._layout.log(name)
                yield f"{name} keeps dying. The end of {log}:\n{self._tail(log)}"

    def _tail(self, log: Path) -> str:
        """What it wrote since the stack began, each line that is said again and again once."""
        try:
            written = log.read_bytes()
        except OSError as error:
            return str(error)
        before = self._before.get(log, 0)
        own = written[before:] if before <= len(written) else written
        lines = [line for line, _ in groupby(own.decode(errors="replace").splitlines())]
        return "\n".join([line for line in lines if not any(mark in line for mark in BACKTRACE)][-LINES:])
