"""Two thousand event streams on one API process: what each takes of its memory, and how soon all have an event."""

from collections.abc import Iterator
from statistics import median

import psutil

from benchmarks import stack
from benchmarks.child import child
from benchmarks.event_listeners import percentile
from benchmarks.files import open_many
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import DATABASE

MEMORY_GOAL, REACH_GOAL = "<= 0.1", "<= 3"
ROUNDS = 7
MB = 1_000_000
LISTENERS, SESSIONS = 2000, 200
SETTLE_SECONDS = 3.0
MANY = dict.fromkeys(("MAX_LISTENERS", "MAX_LISTENERS_PER_USER"), str(2 * LISTENERS))


def run(watch: Run) -> Iterator[Result]:
    """Changes that two thousand are told of take turns with changes that nobody listens to."""
    open_many()
    with stack.opened(watch, settings=MANY) as here, child("event_listeners") as crowd:
        api = psutil.Process(here.layout.read_pids()["api"])
        servers = {"mongodb_url": here.mongodb_url, "database": DATABASE, "redis_url": here.environment()["REDIS_URL"]}
        opening = {"do": "open", **here.door, **servers, "sessions": SESSIONS}
        crowd.ask({**opening, "listeners": 1}, watch.pause)
        idle = _memory(api)
        with watch.waiting(f"Opening {LISTENERS} event streams"):
            crowd.ask({**opening, "listeners": LISTENERS}, watch.pause)
            watch.signals.pause(SETTLE_SECONDS)
        full, delays = _memory(api), list[float]()

        def change(*, heard: bool) -> float:
            found = crowd.ask({"do": "change", "heard": heard}, watch.pause)
            delays.extend(found.get("delays", []))
            return float(found["seconds"])

        pairs = watch.pairs(ROUNDS, f"{LISTENERS} listeners", lambda: change(heard=True), lambda: change(heard=False))
        yield _each(idle, full, _memory(api))
        yield _reach(pairs, delays)


def _memory(api: psutil.Process) -> float:
    return float(api.memory_info().rss) / MB


def _each(idle: float, full: float, after: float) -> Result:
    note = f"{LISTENERS} event streams: before {idle:.0f} MB, open {full:.0f} MB, after all changes {after:.0f} MB"
    return summary("memory of an event stream", MEMORY_GOAL, "MB", [(max(full, after) - idle) / LISTENERS], note)


def _reach(pairs: list[tuple[float, float]], delays: list[float]) -> Result:
    told, alone = (median(side) * 1000 for side in zip(*pairs, strict=True))
    note = (
        f"one change in each of {SESSIONS} sessions at once: {alone:.0f} ms until all are written, {told:.0f} ms until "
        f"all {LISTENERS} have been told; after its write was confirmed an event took "
        f"{median(delays) * 1000:.0f} ms (median), {percentile(delays, 0.99) * 1000:.0f} ms (p99)"
    )
    return summary("written until all are told", REACH_GOAL, "of writing", [a / b for a, b in pairs], note)
