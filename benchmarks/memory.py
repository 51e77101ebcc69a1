"""How much memory of the API an upload in flight takes."""

from collections.abc import Iterator

import psutil

from benchmarks import place
from benchmarks.child import child
from benchmarks.results import Result, summary
from benchmarks.watch import Watch

GOAL = "<= 1.5"
ROUNDS = 5
MB = 1_000_000
MANY, FEW = 200, 4
SLOWLY = {"size": MB, "arriving": 5.0, "trickling": 4.0}


def run(watch: Watch) -> Iterator[Result]:
    """Every round's peak, less what the API took before it had many uploads."""
    with place.opened(watch) as here, child("slow_uploads") as uploads:
        meter = Meter(watch, psutil.Process(here.layout.read_pids()["api"]))
        job = SLOWLY | here.door
        uploads.ask({**job, "count": FEW}, watch.pause)
        idle, peaks = meter.now(), []
        for _ in watch.rounds(ROUNDS, f"memory of {MANY} uploads in flight"):
            meter.forget()
            uploads.ask({**job, "count": MANY}, meter.look)
            peaks.append(meter.peak)
            here.empty()
        yield _result(idle, peaks, meter.now())


class Meter:
    """Watches the resident memory of a process, in MB."""

    def __init__(self, watch: Watch, process: psutil.Process) -> None:
        self._watch = watch
        self._process = process
        self.peak = 0.0

    def now(self) -> float:
        return float(self._process.memory_info().rss) / MB

    def look(self) -> None:
        self.peak = max(self.peak, self.now())
        self._watch.pause()

    def forget(self) -> None:
        self.peak = 0.0


def _result(idle: float, peaks: list[float], after: float) -> Result:
    each = [(peak - idle) / MANY for peak in peaks]
    note = f"{MANY} uploads of 1 MB: idle {idle:.0f} MB, peak {max(peaks):.0f} MB, afterwards {after:.0f} MB"
    return summary("memory of an upload in flight", GOAL, "MB", each, note)
