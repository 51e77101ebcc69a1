"""MongoDB, Valkey and the API as processes on loopback, with nobody who transcribes."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
from pymongo import MongoClient

from benchmarks.watch import Watch
from scripts.stack import leftovers, ports, processes, programs, replica_set, supervise
from scripts.stack.crashes import Crashes
from scripts.stack.layout import Layout
from scripts.stack.processes import Process
from services.adapters.jwt_tokens import mint

DATABASE = "viva_voce_bench"
ALONE = "gridfs_alone"
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Place:
    layout: Layout
    mongod: int
    valkey: int
    api: int
    secret: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api}"

    @property
    def mongodb_url(self) -> str:
        return f"mongodb://127.0.0.1:{self.mongod}/?replicaSet={replica_set.NAME}"

    @property
    def door(self) -> dict[str, str]:
        """What a client needs to get in."""
        return {"url": self.url, "token": mint(self.secret, "bench", admin=False, seconds=3600)}

    def processes(self) -> Iterator[Process]:
        after = (f"127.0.0.1:{self.mongod}", f"127.0.0.1:{self.valkey}")
        yield processes.mongod(programs.find_mongod(), self.mongod, self.layout)
        yield processes.valkey(programs.find_valkey(), self.valkey, self.layout)
        yield processes.api(self.api, after)

    def environment(self) -> dict[str, str]:
        return {
            "MONGODB_URL": self.mongodb_url,
            "MONGODB_DATABASE": DATABASE,
            "REDIS_URL": f"redis://127.0.0.1:{self.valkey}/0",
            "JWT_SECRET": self.secret,
            **dict.fromkeys(("RATE_REQUESTS", "RATE_UPLOADS", "RATE_ADDRESS"), ""),
            **dict.fromkeys(("MAX_UPLOADS_PER_USER", "MAX_UPLOADS", "MAX_QUEUED_MINUTES"), "1000000"),
            leftovers.MARK: str(self.layout.root),
        }

    def is_ready(self) -> bool:
        if not replica_set.is_primary(self.mongod):
            return False
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=2, trust_env=False).is_success
        except httpx2.HTTPError:
            return False

    def empty(self) -> None:
        """Remove what was uploaded, by either side."""
        with MongoClient[dict[str, Any]](self.mongodb_url) as client:
            for database in (client[DATABASE], client[ALONE]):
                for name in ("fs.files", "fs.chunks", "parts", "interview_sessions"):
                    database[name].delete_many({})


@contextmanager
def opened(watch: Watch) -> Iterator[Place]:
    """A place that is ready; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-", ignore_cleanup_errors=True) as folder:
        layout = Layout.at(Path(folder))
        layout.make()
        place = Place(layout, ports.choose(), ports.choose(), ports.choose(), token_hex(32))
        daemon = supervise.start(layout, list(place.processes()), place.environment())
        try:
            with watch.waiting("Starting MongoDB, Valkey and API"):
                _wait(place, watch)
            yield place
        finally:
            _stop(daemon, layout)


def _wait(place: Place, watch: Watch) -> None:
    crashes = Crashes(place.layout)
    while not place.is_ready():
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
