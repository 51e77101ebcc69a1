"""A thousand recorders on WebSockets: how soon a second of sound is durable, what each takes, what polls wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import psutil

from benchmarks import stack
from benchmarks.child import Child, ChildFailed, child
from benchmarks.files import open_many
from benchmarks.memory import p99
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import Place

ACKNOWLEDGED_GOAL, MEMORY_GOAL, POLL_GOAL = "<= 500", "<= 0.3", "<= 2"
ROUNDS = 1
MB = 1_000_000
RECORDERS, BYTES_A_SECOND, SECONDS = 1000, 6 * 1024, 60
POLLS_A_SECOND = 25
SETTLE_SECONDS = 3.0


def run(watch: Run) -> Iterator[Result]:
    """Three results of the same rounds; each round is idle first, and then has its recorders."""
    open_many()
    settings = {"MAX_LISTENERS": str(2 * RECORDERS)}
    with stack.opened(watch, settings=settings) as here, child("recorder_sockets") as crowd, child("polls") as polls:
        rounds = [
            Round(watch, here, crowd, polls).measured()
            for _ in watch.rounds(ROUNDS, f"{RECORDERS} recorders on WebSockets")
        ]
        yield _acknowledged(rounds)
        yield _memory(rounds)
        yield _polls(rounds)


class Round:
    """One round: idle polls, then recorders with polls among them."""

    def __init__(self, watch: Run, here: Place, crowd: Child, polls: Child) -> None:
        self._watch, self._here, self._crowd, self._polls = watch, here, crowd, polls
        self._api = psutil.Process(here.layout.read_pids()["api"])
        self.seconds = max(3, round(SECONDS * watch.options.scale))
        self.idle = self.peak = 0.0
        self.milliseconds: list[float] = []
        self.polls_idle: list[float] = []
        self.polls_busy: list[float] = []

    def measured(self) -> "Round":
        self.polls_idle = self._poll()
        self.idle = self.peak = self._memory()
        with self._watch.waiting(f"Opening {RECORDERS} sockets"):
            self._crowd.ask({"do": "open", **self._here.door, "recorders": RECORDERS}, self._look)
        job = {"do": "record", "bytes": BYTES_A_SECOND, "seconds": self.seconds}
        with ThreadPoolExecutor(1) as beside:
            asking = beside.submit(self._poll)
            found = self._crowd.ask(job, self._look)
            self.polls_busy = asking.result()
        self.milliseconds = found["milliseconds"]
        if found["unacknowledged"] or len(self.milliseconds) != RECORDERS * self.seconds:
            raise ChildFailed(f"{found['unacknowledged']} recorders wait for an acknowledgement: {found['ended']}")
        self._crowd.ask({"do": "close"}, self._watch.pause)
        self._watch.signals.pause(SETTLE_SECONDS)
        self._here.empty()
        return self

    def _poll(self) -> list[float]:
        job: dict[str, Any] = {**self._here.door, "rate": POLLS_A_SECOND, "seconds": self.seconds, "waiting": 0.5}
        found: list[float] = self._polls.ask(job, lambda: None)["milliseconds"]
        return found

    def _look(self) -> None:
        self.peak = max(self.peak, self._memory())
        self._watch.pause()

    def _memory(self) -> float:
        return float(self._api.memory_info().rss) / MB


def _acknowledged(rounds: list[Round]) -> Result:
    all_of_them = [taken for found in rounds for taken in found.milliseconds]
    note = (
        f"{RECORDERS} recorders, {BYTES_A_SECOND // 1024} KB a second each for {rounds[0].seconds} s: median "
        f"{median(all_of_them):.0f} ms, p99 {p99(all_of_them):.0f} ms, longest {max(all_of_them):.0f} ms; all "
        f"{len(all_of_them):,} acknowledged"
    )
    return summary(
        "acknowledgement of a second of sound, p99",
        ACKNOWLEDGED_GOAL,
        "ms",
        [p99(r.milliseconds) for r in rounds],
        note,
    )


def _memory(rounds: list[Round]) -> Result:
    each = [(found.peak - rounds[0].idle) / RECORDERS for found in rounds]
    note = f"{RECORDERS} recorders: before {rounds[0].idle:.0f} MB, peak {max(r.peak for r in rounds):.0f} MB"
    return summary("memory of a recorder", MEMORY_GOAL, "MB", each, note)


def _polls(rounds: list[Round]) -> Result:
    ratios = [p99(found.polls_busy) / p99(found.polls_idle) for found in rounds]
    idle, busy = [[x for r in rounds for x in getattr(r, name)] for name in ("polls_idle", "polls_busy")]
    note = (
        f"ms with {RECORDERS} recorders: median {median(busy):.1f}, p99 {p99(busy):.1f}; "
        f"idle: median {median(idle):.1f}, p99 {p99(idle):.1f}; {POLLS_A_SECOND} polls a second"
    )
    return summary("status polls among recorders, p99", POLL_GOAL, "of the idle p99", ratios, note)
