"""A stack with short leases whose processes and database may be broken at will."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import redis
from bson import Timestamp
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from app.config import Settings
from scripts.cleanup import clean
from tests.calls.udp_ports import free_ports
from tests.chaos.cells import Fault
from tests.chaos.recordings import Engine, Voice
from tests.openai_server import MODEL
from tests.scripts.running import runs, until
from tests.system import live
from tests.system.live import Stack

LEASE, MOST_DELIVERIES, SWEEP, IDLE = 2.0, 5, 0.5, 1.5
SILENCE = IDLE * 5 / 3
# How long supervisord, a start and a reconnection may take on a machine that is busy with other things.
RESTART = 45.0
BOUND = MOST_DELIVERIES * LEASE + SILENCE + SWEEP + RESTART
UDP_PORTS = 40
BREAKABLE = ("api", "worker", "upkeep", "beat", "rtp", "valkey", "mongod")
ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-loopback",
    "OPENAI_CONCURRENCY": "8",
    "OPENAI_TIMEOUT_SECONDS": "1.5",
    "LEASE_SECONDS": str(LEASE),
    "MAX_DELIVERIES": str(MOST_DELIVERIES),
    "SWEEP_SECONDS": str(SWEEP),
    "UPLOAD_IDLE_SECONDS": str(IDLE),
    "DRAIN_SECONDS": "0.5",
    "CALL_SILENCE_SECONDS": "20",
    "MONGOD_TEST_COMMANDS": "1",
}
SCORED_AFTERWARDS = {"SCORER_MODEL": MODEL}


@dataclass
class Machine:
    """The stack, the engine it asks, and a hand on each of its processes."""

    stack: Stack
    engine: Engine
    admin: MongoClient[dict[str, Any]]
    voice: Voice = field(default_factory=Voice)
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    numbers: int = 0
    user: str = "alice"
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def database(self) -> Any:
        return self.admin["viva_voce"]

    def number(self) -> int:
        """A number for the next recording."""
        with self.lock:
            self.numbers += 1
            return self.numbers

    def client(self) -> httpx2.Client:
        """A client of whoever has the session that is played."""
        return self.stack.client(self.user)

    @property
    def keyring(self) -> Path:
        return self.stack.running.layout.keyring("viva_voce")

    def pid(self, process: str) -> int:
        return self.stack.running.layout.read_pids()[process]

    def now(self) -> Timestamp:
        """The place in the database's log of writes from which on something may have happened."""
        newest = self.admin["local"]["oplog.rs"].find_one({}, {"ts": True}, sort=[("$natural", -1)])
        assert newest is not None
        return newest["ts"]  # type: ignore[no-any-return]

    def written(self, since: Timestamp, collection: str) -> list[dict[str, Any]]:
        """The writes to a collection from there on, in their order."""
        where = {"ts": {"$gt": since}, "ns": f"viva_voce.{collection}", "op": {"$in": ["i", "u"]}}
        return list(self.admin["local"]["oplog.rs"].find(where).sort("$natural", 1))

    def break_(self, process: str, fault: Fault, then: Callable[[], None] = lambda: None) -> None:
        """Do it; returns when the process runs again (not: when it is ready).

        `then` comes right after a kill, or at the end of a stop, while the process still stands.
        """
        if fault is Fault.FLUSH:
            self.flush()
            return
        if fault is Fault.STEP_DOWN:
            self.step_down()
            return
        known = self.stack.running.layout.read_pids()
        names = [name for name in BREAKABLE if name in known] if process == "all" else [process]
        before = {name: known[name] for name in names}
        if fault is Fault.STOP:
            self._freeze(before.values(), then)
            return
        number = signal.SIGTERM if fault is Fault.RESTART else signal.SIGKILL
        for pid in before.values():
            send(pid, number)
            send(pid, signal.SIGCONT)
        then()
        until(lambda: all(self._insert(name, pid) for name, pid in before.items()), 60)

    def flush(self) -> None:
        send(self.pid("valkey"), signal.SIGCONT)
        with redis.Redis.from_url(self.stack.environment["REDIS_URL"], socket_timeout=10) as client:
            client.flushall()

    def step_down(self) -> None:
        """The primary gives up its office, and what waits in it with that; it is elected again a second later."""
        with suppress(PyMongoError):
            self.admin.admin.command("replSetStepDown", 1, force=True)
        until(self._is_primary, 60)

    def _is_primary(self) -> bool:
        try:
            return bool(self.admin.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    def clean(self) -> None:
        """One run of the cleanup command."""
        asyncio.run(clean(self.settings, 24, dry_run=False))

    @property
    def settings(self) -> Settings:
        """The settings of the stack's processes."""
        known = {**self.environment, **self.stack.environment, "OPENAI_BASE_URL": self.engine.url}
        return Settings.model_validate({name.lower(): value for name, value in known.items()})

    def _freeze(self, pids: Iterable[int], then: Callable[[], None]) -> None:
        for pid in pids:
            send(pid, signal.SIGSTOP)
        try:
            time.sleep(self.settings.lease_seconds + 1.0)
            then()
        finally:
            for pid in pids:
                send(pid, signal.SIGCONT)

    def _insert(self, name: str, before: int) -> bool:
        now = self.stack.running.layout.read_pids().get(name, before)
        return now != before and runs(now)


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def machine(folder: Path, **more: str) -> Iterator[Machine]:
    """A machine on the hosted engine, which here is a loopback server, with more settings than all have."""
    first, last = free_ports(UDP_PORTS)
    ports = {"RTP_PORTS": f"{first}-{last}"}
    environment = {**ENVIRONMENT, **more}
    with Engine() as engine, live.stack(folder, OPENAI_BASE_URL=engine.url, **environment, **ports) as stack:
        url = stack.environment["MONGODB_URL"]
        with MongoClient[dict[str, Any]](url, tz_aware=True, appname="chaos", serverSelectionTimeoutMS=60_000) as admin:
            yield Machine(stack, engine, admin, environment=environment)
