"""What each promise costs an upload: the API beside builds that leave one of them out, and beside the plain route."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from statistics import median

import httpx2

from benchmarks import stack
from benchmarks.child import Child, child
from benchmarks.results import NO_GOAL, Result, summary
from benchmarks.run import Run
from benchmarks.stack import Place
from benchmarks.upload import MB, Load, Side, plain_api
from benchmarks.without import PROMISES
from scripts.stack import ports, processes
from scripts.stack.processes import Process

FIRST = "with all, to begin with"
UNIT = "of the whole API's processor time"
LOADS = [Load(MB // 10, 1, 60, 3), Load(MB // 10, 8, 120, 3)]


def run(watch: Run) -> Iterator[Result]:
    """For each load and promise, the processor time of an upload without it; at last that of the plain route."""
    names = list(PROMISES)
    *lacking, plain = ports.several(len(names) + 1)
    at = dict(zip(names, lacking, strict=True))

    def beside(here: Place) -> Iterator[Process]:
        yield from (_without(name, port, here) for name, port in at.items())
        yield plain_api(here, plain)

    with ExitStack() as held:
        here = held.enter_context(stack.opened(watch, beside=beside))
        _wait(watch, list(at.values()))
        http = held.enter_context(child("http_uploads"))
        for load in LOADS:
            yield from _costs(watch, load, _sides(watch, here, load, http, at, plain))


def _without(promise: str, port: int, here: Place) -> Process:
    python, m, _, *options = processes.api(port, here.servers).command
    return Process(promise, (python, m, "benchmarks.without", promise, *options), here.servers)


def _wait(watch: Run, several: list[int]) -> None:
    for port in several:
        while not _answers(port):
            watch.pause()


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=2, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


class Taken:
    """The processor time that one side and the database take for each round of uploads."""

    def __init__(self, server: str, side: Side) -> None:
        self._server = server
        self._side = side
        self.rounds: list[tuple[float, float]] = []

    def round(self) -> float:
        before = dict(self._side.spending.spent)
        self._side.seconds()
        now = self._side.spending.spent
        self.rounds.append((now[self._server] - before[self._server], now["mongod"] - before["mongod"]))
        return sum(self.rounds[-1])

    def each(self, count: int) -> str:
        own, mongod = (1000 * median(times) / count for times in zip(*self.rounds, strict=True))
        return f"processor ms of an upload: its server {own:.1f}, mongod {mongod:.1f}"


def _sides(watch: Run, here: Place, load: Load, http: Child, at: Mapping[str, int], plain: int) -> dict[str, Taken]:
    """The whole API first, and once before: in the first turn the database is still busy with the last of before."""
    job = {**asdict(load), **here.door, "mongodb_url": here.mongodb_url}

    def side(server: str, **other: object) -> Taken:
        return Taken(server, Side(watch, here, http, server, {**job, **other}))

    return {
        FIRST: side("api"),
        "with all": side("api"),
        **{f"without {name}": side(name, url=f"http://127.0.0.1:{port}") for name, port in at.items()},
        "the plain route": side("plain", url=f"http://127.0.0.1:{plain}", has_sessions=False),
    }


def _costs(watch: Run, load: Load, sides: dict[str, Taken]) -> Iterator[Result]:
    turns = [side.round for side in sides.values()]
    rounds = watch.turns(load.rounds, f"promises, {load.name}", *turns, warm_up=load.warm_up)
    for number, (name, side) in enumerate(sides.items()):
        if name == FIRST:
            continue
        shares = [times[number] / times[1] for times in rounds]
        yield summary(f"promises, {load.name}, {name}", NO_GOAL, UNIT, shares, side.each(load.count))
