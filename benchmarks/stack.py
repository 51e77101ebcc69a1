"""MongoDB, Valkey, the API and what a benchmark wants beside them, as processes on loopback."""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
from pymongo import MongoClient

from benchmarks.run import Run
from scripts.stack import leftovers, ports, processes, programs, replica_set, supervise
from scripts.stack.crashes import Crashes
from scripts.stack.layout import Layout
from scripts.stack.processes import Process
from services.adapters.jwt_tokens import mint
from services.adapters.mongo.indexes import INDEXES

DATABASE = "viva_voce_bench"
ALONE = "gridfs_alone"
PLAIN = "plain_api"
RECORDS = ("parts", "interview_sessions", "pieces", "slices")
AUDIO = ("fs.files", "fs.chunks")
STOP_SECONDS = 10
UNLIMITED = "1000000"


@dataclass(frozen=True, slots=True)
class Place:
    """The ports, and what else runs; `settings` go before the usual ones."""

    layout: Layout
    mongod: int
    valkey: int
    api: int
    secret: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api}"

    @property
    def mongodb_url(self) -> str:
        return f"mongodb://127.0.0.1:{self.mongod}/?replicaSet={replica_set.NAME}"

    @property
    def door(self) -> dict[str, str]:
        """What a client needs to get in, under any name."""
        return {"url": self.url, "secret": self.secret}

    @property
    def servers(self) -> tuple[str, str]:
        """Where the two servers listen, for a process that starts after them."""
        return f"127.0.0.1:{self.mongod}", f"127.0.0.1:{self.valkey}"

    def token(self, user: str = "bench") -> str:
        return mint(self.secret, user, admin=False, seconds=24 * 3600)

    def processes(self) -> Iterator[Process]:
        yield processes.mongod(programs.find_mongod(), self.mongod, self.layout)
        yield processes.valkey(programs.find_valkey(), self.valkey, self.layout)
        yield processes.api(self.api, self.servers)

    def environment(self) -> dict[str, str]:
        """The product's own settings, but that one client may do what a thousand users would."""
        return {
            "MONGODB_URL": self.mongodb_url,
            "MONGODB_DATABASE": DATABASE,
            "REDIS_URL": f"redis://127.0.0.1:{self.valkey}/0",
            "JWT_SECRET": self.secret,
            "CACHE_DIR": str(self.layout.cache),
            "KEYRING_DIR": str(self.layout.keyring(DATABASE)),
            **dict.fromkeys(("RATE_REQUESTS", "RATE_UPLOADS", "RATE_ADDRESS"), f"{UNLIMITED}/second"),
            **dict.fromkeys(("MAX_UPLOADS_PER_USER", "MAX_UPLOADS", "MAX_QUEUED_MINUTES"), UNLIMITED),
            leftovers.MARK: str(self.layout.root),
            **self.settings,
        }

    def is_ready(self, workers: int) -> bool:
        if not replica_set.is_primary(self.mongod):
            return False
        try:
            answer = httpx2.get(f"{self.url}/readyz", timeout=2, trust_env=False)
        except httpx2.HTTPError:
            return False
        return answer.is_success and int(answer.json().get("workers", 0)) >= workers

    def forget_soon(self) -> None:
        """MongoDB would keep what is removed for five minutes, which gigabytes of uploads do not leave room for."""
        with MongoClient[dict[str, Any]](self.mongodb_url) as client:
            client.admin.command({"setParameter": 1, "minSnapshotHistoryWindowInSeconds": 5})

    def empty(self) -> None:
        """Remove what was uploaded, by whichever side."""
        with MongoClient[dict[str, Any]](self.mongodb_url) as client:
            for name in RECORDS:
                client[DATABASE][name].delete_many({})
            for database in (DATABASE, ALONE, PLAIN):
                for name in AUDIO:
                    client[database].drop_collection(name)
            for name in AUDIO:
                client[DATABASE][name].create_indexes(INDEXES[name])


Beside = Callable[[Place], Iterable[Process]]


def workers(count: int) -> Beside:
    """So many worker processes, the sweep's own, and what has the sweep run."""

    def beside(place: Place) -> Iterator[Process]:
        names = ["worker", *(f"worker{number}" for number in range(2, count + 1))]
        yield from (processes.worker(place.servers, name) for name in names)
        yield processes.upkeep(place.servers)
        yield processes.beat(place.layout, place.servers)

    return beside


@contextmanager
def opened(
    watch: Run,
    *,
    beside: Beside = lambda place: (),
    ready_workers: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Place]:
    """A place that is ready; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-", ignore_cleanup_errors=True) as folder:
        layout = Layout.at(Path(folder))
        layout.make()
        mongod, valkey, api = ports.several(3)
        place = Place(layout, mongod, valkey, api, token_hex(32), settings or {})
        daemon = supervise.start(layout, [*place.processes(), *beside(place)], place.environment())
        try:
            with watch.waiting("Starting MongoDB, Valkey, API and what else is needed"):
                _wait(place, watch, ready_workers)
            place.forget_soon()
            yield place
        finally:
            _stop(daemon, layout)


def _wait(place: Place, watch: Run, ready_workers: int) -> None:
    crashes = Crashes(place.layout)
    while not place.is_ready(ready_workers):
        crashes.check()
        watch.pause()


def _stop(daemon: subprocess.Popen[bytes], layout: Layout) -> None:
    daemon.terminate()
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    leftovers.kill_all(layout)
