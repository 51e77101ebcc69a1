"""What an answer costs where little is stored and little waits, and where much is and does."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks import stack
from benchmarks.child import Child, child
from benchmarks.growth_costs import COSTS
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import Place

GOAL = "<= 1.15"
ROUNDS = 7
ANSWERS = 30
FEW, MANY, QUEUE = (100, 10), (100_000, 10), (100, 10_000)


@dataclass(frozen=True, slots=True)
class Growth:
    """A database that has grown, and what it is compared with."""

    name: str
    small: str
    large: str


STORED = Growth(f"{FEW[0]} to {MANY[0]:,} stored sessions", "small", "stored")
QUEUED = Growth(f"{FEW[1]} to {QUEUE[1]:,} waiting answers", "small", "queued")
SIZES = {"small": FEW, "stored": MANY, "queued": QUEUE}


def run(watch: Run) -> Iterator[Result]:
    """A result for each step of an answer's way and each kind of growth."""
    with stack.opened(watch) as here, child("growth_costs") as costs:
        for database, (sessions, queued) in SIZES.items():
            with watch.waiting(f"Filling a database: {sessions:,} sessions, {queued:,} waiting answers"):
                costs.ask(_where(here) | _fill(database, sessions, queued), watch.pause)
        for growth in (STORED, QUEUED):
            yield from _results(growth, _rounds(watch, costs, growth))


def _where(here: Place) -> dict[str, object]:
    return {"mongodb_url": here.mongodb_url, "redis_url": f"redis://127.0.0.1:{here.valkey}"}


def _fill(database: str, sessions: int, queued: int) -> dict[str, object]:
    return {"do": "fill", "database": database, "sessions": sessions, "queued": queued}


Costs = dict[str, dict[str, float]]


def _rounds(watch: Run, costs: Child, growth: Growth) -> list[Costs]:
    """The first round warms up and does not count."""
    job = {"do": "measure", "databases": [growth.small, growth.large], "count": ANSWERS}
    return [costs.ask(job, watch.pause) for _ in watch.rounds(ROUNDS, f"growth, {growth.name}", extra=1)][1:]


def _results(growth: Growth, rounds: list[Costs]) -> Iterator[Result]:
    for cost in COSTS:
        small, large = ([found[name][cost] for found in rounds] for name in (growth.small, growth.large))
        ratios = [after / before for before, after in zip(small, large, strict=True)]
        note = f"median {median(small):.1f} and {median(large):.1f} ms; {ANSWERS} answers a round in each, in turns"
        yield summary(f"growth, {cost}, {growth.name}", GOAL, "of the small database's cost", ratios, note)
