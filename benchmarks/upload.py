"""Uploading an answer, against the driver's own upload to GridFS on the same server."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks import place
from benchmarks.child import Child, child
from benchmarks.place import ALONE, Place
from benchmarks.processor import Spending
from benchmarks.results import Result, summary
from benchmarks.watch import Watch

GOAL = ">= 0.9"
ROUNDS = 7
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """So many files of one size, some of them at once."""

    size: int
    at_once: int
    count: int

    @property
    def name(self) -> str:
        return f"upload {self.size / MB:g} MB, {self.at_once} at once"

    @property
    def megabytes(self) -> float:
        return self.size * self.count / MB


LOADS = [
    Load(MB // 2, 1, 60),
    Load(MB // 2, 8, 160),
    Load(5 * MB, 1, 12),
    Load(5 * MB, 8, 32),
]
WIDE = [Load(MB // 2, 64, 320), Load(5 * MB, 64, 128)]


def run(watch: Watch) -> Iterator[Result]:
    """A result for each load."""
    with place.opened(watch) as here, child("http_uploads") as http, child("gridfs_uploads") as gridfs:
        for load in [*LOADS, *(WIDE if watch.options.wide else [])]:
            yield _measured(watch, load, Side(watch, here, load, http), Side(watch, here, load, gridfs))


class Side:
    """One of the two that take turns, and the processor time it costs."""

    def __init__(self, watch: Watch, here: Place, load: Load, client: Child) -> None:
        self._watch = watch
        self._here = here
        self._client = client
        self._job = asdict(load) | here.door | {"mongodb_url": here.mongodb_url, "database": ALONE}
        pids = here.layout.read_pids()
        self.spending = Spending({"api": pids["api"], "mongod": pids["mongod"], "client": client.pid})

    def seconds(self) -> float:
        """How long one round of uploads takes; they are removed again."""
        self.spending.start()
        taken = float(self._client.ask(self._job, self._watch.pause)["seconds"])
        self.spending.stop()
        self._here.empty()
        return taken


def _measured(watch: Watch, load: Load, ours: Side, theirs: Side) -> Result:
    pairs = watch.pairs(ROUNDS, load.name, ours.seconds, theirs.seconds)
    ratios = [gridfs / api for api, gridfs in pairs]
    best = [load.megabytes / min(times) for times in zip(*pairs, strict=True)]
    megabytes = load.megabytes * (len(pairs) + 1)
    note = (
        f"best {best[0]:.0f} and {best[1]:.0f} MB/s; processor ms per MB: "
        f"{ours.spending.each(megabytes)} against {theirs.spending.each(megabytes, ('mongod', 'client'))}"
    )
    return summary(load.name, GOAL, "of the driver's speed", ratios, note)
