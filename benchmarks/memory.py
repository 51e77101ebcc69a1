"""A thousand slow uploads at once: what each takes of the API's memory, and what a status poll waits meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles
from typing import Any

import psutil

from benchmarks import stack
from benchmarks.child import Child, child
from benchmarks.files import open_many
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import Place

MEMORY_GOAL, POLL_GOAL = "<= 1.5", "<= 3"
ROUNDS = 3
MB = 1_000_000
AT_ONCE = 1000
RECORDER = {"rate": 8192, "shortest": 30.0, "longest": 50.0}
ARRIVING, HOLDING = 20.0, 30.0
POLLS = {"rate": 25, "seconds": HOLDING - 2}
SETTLE_SECONDS = 3.0


def run(watch: Run) -> Iterator[Result]:
    """Two results of the same rounds; each round is idle first, and then has its uploads."""
    open_many()
    with stack.opened(watch) as here, child("slow_uploads") as uploads, child("polls") as polls:
        rounds = [
            Round(watch, here, uploads, polls).measured()
            for _ in watch.rounds(ROUNDS, f"memory and polls, {AT_ONCE} uploads in flight")
        ]
        yield _memory(rounds)
        yield _polls(rounds)


class Round:
    """One round: idle polls, then uploads with polls among them."""

    def __init__(self, watch: Run, here: Place, uploads: Child, polls: Child) -> None:
        self._watch = watch
        self._here = here
        self._uploads = uploads
        self._polls = polls
        self._api = psutil.Process(here.layout.read_pids()["api"])
        self.idle = self.peak = 0.0
        self.accepted = 0
        self.polls_idle: list[float] = []
        self.polls_busy: list[float] = []

    def measured(self) -> "Round":
        self.polls_idle = self._poll(0.0)
        self.idle = self.peak = self._memory()
        job = {**self._here.door, **RECORDER, "count": AT_ONCE, "arriving": ARRIVING, "holding": HOLDING}
        with ThreadPoolExecutor(1) as beside:
            asking = beside.submit(self._poll, ARRIVING)
            self.accepted = self._uploads.ask(job, self._look)["accepted"]
            self.polls_busy = asking.result()
        self._watch.signals.pause(SETTLE_SECONDS)
        self._here.empty()
        return self

    def _poll(self, waiting: float) -> list[float]:
        job: dict[str, Any] = {**self._here.door, **POLLS, "waiting": waiting}
        found: list[float] = self._polls.ask(job, lambda: None)["milliseconds"]
        return found

    def _look(self) -> None:
        self.peak = max(self.peak, self._memory())
        self._watch.pause()

    def _memory(self) -> float:
        return float(self._api.memory_info().rss) / MB


def p99(milliseconds: list[float]) -> float:
    return quantiles(milliseconds, n=100)[98]


def _memory(rounds: list[Round]) -> Result:
    each = [(found.peak - rounds[0].idle) / AT_ONCE for found in rounds]  # what a round leaves is not given back
    note = (
        f"{AT_ONCE} uploads of 8 KB/s: before {rounds[0].idle:.0f} MB, peak {max(r.peak for r in rounds):.0f} MB, "
        f"{sum(r.accepted for r in rounds)} ended well meanwhile"
    )
    return summary("memory of an upload in flight", MEMORY_GOAL, "MB", each, note)


def _polls(rounds: list[Round]) -> Result:
    ratios = [p99(found.polls_busy) / p99(found.polls_idle) for found in rounds]
    idle, busy = [[x for r in rounds for x in getattr(r, name)] for name in ("polls_idle", "polls_busy")]
    note = (
        f"ms with {AT_ONCE} uploads of 8 KB/s: median {median(busy):.1f}, p99 {p99(busy):.1f}; "
        f"idle: median {median(idle):.1f}, p99 {p99(idle):.1f}; {POLLS['rate']} polls a second"
    )
    return summary("status polls among slow uploads, p99", POLL_GOAL, "of the idle p99", ratios, note)
