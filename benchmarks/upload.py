"""Uploading an answer, against the driver's own upload to GridFS and against the route one would write by hand."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks import stack
from benchmarks.child import Child, child
from benchmarks.processor import Spending
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import ALONE, Place
from scripts.stack import ports, processes
from scripts.stack.errors import StackError
from scripts.stack.processes import Process

OF_DRIVER, OF_PLAIN = "of the driver's speed", "of a plain route's speed"
MB, GB = 1_000_000, 1_000_000_000
ROOM = 30 * GB
# From this size on, what is aimed at: of the driver's speed, and of the plain route's.
GOALS = (
    (0, ">= 0.6", ">= 1.0"),
    (MB // 2, ">= 0.8", ">= 1.0"),
    (5 * MB, ">= 0.9", ">= 1.0"),
    (50 * MB, ">= 0.9", ">= 1.3"),
)


@dataclass(frozen=True, slots=True)
class Load:
    """So many files of one size, some of them at once, in so many rounds."""

    size: int
    at_once: int
    count: int
    rounds: int
    warm_up: int = 1
    with_plain: bool = True

    @property
    def name(self) -> str:
        return f"{self.size / MB:g} MB, {self.at_once} at once"

    @property
    def goals(self) -> tuple[str, str]:
        """Of the driver's speed, and of the plain route's."""
        return next((driver, plain) for size, driver, plain in reversed(GOALS) if self.size >= size)

    @property
    def megabytes(self) -> float:
        return self.size * self.count / MB


QUICK = [
    Load(MB // 10, 1, 100, 5),
    Load(MB // 10, 8, 200, 5),
    Load(MB // 2, 1, 60, 5),
    Load(MB // 2, 8, 160, 5),
    Load(5 * MB, 1, 12, 5),
    Load(5 * MB, 8, 32, 5),
]
WIDE = [
    Load(MB // 10, 64, 320, 3),
    Load(MB // 2, 64, 192, 3),
    Load(5 * MB, 64, 64, 3),
    Load(50 * MB, 1, 2, 3),
    Load(50 * MB, 8, 8, 3, warm_up=0),
    # Gigabytes: two rounds, and without the plain route, which writes each of them to the disk a second time.
    Load(50 * MB, 64, 64, 2, warm_up=0, with_plain=False),
]


def run(watch: Run) -> Iterator[Result]:
    """For each load a result against the driver, and one against the plain route; StackError without room for them."""
    if watch.options.wide:
        _need_room()
    port = ports.choose()
    with (
        stack.opened(watch, beside=lambda here: [plain_api(here, port)]) as here,
        child("http_uploads") as http,
        child("gridfs_uploads") as gridfs,
    ):
        for load in [*QUICK, *(WIDE if watch.options.wide else [])]:
            yield from Measured(watch, here, load, http, gridfs, port).results()


def _need_room() -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < ROOM:
        raise StackError(
            f"Uploads of all sizes need {ROOM // GB} GB of room in {tempfile.gettempdir()}, where {free // GB} GB are "
            "free. Make room, point TMPDIR elsewhere, or run ONLY=upload, which measures the small ones."
        )


def plain_api(here: Place, port: int) -> Process:
    """The plain route under the same server with the same options, but for our own guard of the heads."""
    server = ("-m", "uvicorn", "--factory", "benchmarks.plain_api:create_app", "--host", "127.0.0.1")
    speed = ("--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log")
    return Process("plain", (processes.api(port, ()).command[0], *server, *speed), here.servers)


class Side:
    """One of those that take turns, and the processor time it costs."""

    def __init__(self, watch: Run, here: Place, client: Child, server: str, job: dict[str, object]) -> None:
        self._watch = watch
        self._here = here
        self._client = client
        self._job = job
        self._asks = bool(server)
        pids = here.layout.read_pids()
        known = {"mongod": pids["mongod"], "client": client.pid}
        self.spending = Spending({server: pids[server], **known} if server else known)

    def seconds(self) -> float:
        """How long one round of uploads takes; they are removed again. The sessions for them are made before."""
        if self._asks:
            self._client.ask({**self._job, "prepares": True}, self._watch.pause)
        self.spending.start()
        taken = float(self._client.ask(self._job, self._watch.pause)["seconds"])
        self.spending.stop()
        self._here.empty()
        return taken


class Measured:
    """One load, by all sides in turn."""

    def __init__(self, watch: Run, here: Place, load: Load, http: Child, gridfs: Child, port: int) -> None:
        job: dict[str, object] = {**asdict(load), **here.door, "mongodb_url": here.mongodb_url, "database": ALONE}
        plain = {**job, "url": f"http://127.0.0.1:{port}", "has_sessions": False}
        self._watch = watch
        self._load = load
        self._ours = Side(watch, here, http, "api", job)
        self._driver = Side(watch, here, gridfs, "", job)
        self._plain = Side(watch, here, http, "plain", plain)

    def results(self) -> Iterator[Result]:
        load = self._load
        sides = [self._ours, self._driver, *([self._plain] if load.with_plain else [])]
        turns = [side.seconds for side in sides]
        rounds = self._watch.turns(load.rounds, f"upload {load.name}", *turns, warm_up=load.warm_up)
        yield self._result(sides, rounds, 1, f"upload {load.name}", load.goals[0], OF_DRIVER)
        if load.with_plain:
            yield self._result(sides, rounds, 2, f"upload and a plain route, {load.name}", load.goals[1], OF_PLAIN)

    def _result(
        self, sides: list[Side], rounds: list[tuple[float, ...]], other: int, name: str, goal: str, unit: str
    ) -> Result:
        load = self._load
        best = [load.megabytes / min(times) for times in zip(*rounds, strict=True)]
        megabytes = load.megabytes * (len(rounds) + load.warm_up)
        note = (
            f"best {best[0]:.0f} and {best[other]:.0f} MB/s; processor ms per MB: "
            f"{sides[0].spending.each(megabytes)} against {sides[other].spending.each(megabytes)}"
        )
        return summary(name, goal, unit, [times[other] / times[0] for times in rounds], note)
