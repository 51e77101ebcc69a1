"""A replica set that fails over: three members on loopback."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, PyMongoError

from scripts.stack.replica_set import NAME
from tests.servers import free_port, listens, mongod_command

ELECTION_MS = 2000
WAIT_SECONDS = 60.0


class ReplicaSet:
    """Three members; any of them may go and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = [free_port() for _ in range(3)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self._ports)}/?replicaSet={NAME}"

    def start_all(self) -> None:
        """Start and join the members; a primary is there once this returns."""
        for port in self._ports:
            self.start(port)
        members = [
            {"_id": at, "host": f"127.0.0.1:{port}", "tags": {"port": str(port)}} for at, port in enumerate(self._ports)
        ]
        settings = {"electionTimeoutMillis": ELECTION_MS, "chainingAllowed": False}
        config = {"_id": NAME, "members": members, "settings": settings}
        with _alone(self._ports[0]) as client:
            client.admin.command("replSetInitiate", config)
        self.primary()

    def start(self, port: int) -> None:
        data = self._folder / str(port)
        data.mkdir(exist_ok=True)
        with (self._folder / f"{port}.log").open("ab") as log:
            self._processes[port] = subprocess.Popen(mongod_command(data, port), stdout=log, stderr=log)
        end = time.monotonic() + WAIT_SECONDS
        while not listens(port):
            assert time.monotonic() < end, f"the member on {port} did not start"
            time.sleep(0.05)

    def primary(self) -> int:
        """The port of the primary, as soon as there is one."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            for port in self._ports:
                if self._processes[port].poll() is None and _is_primary(port):
                    return port
            time.sleep(0.1)
        raise TimeoutError("no member became primary")

    def step_down(self) -> None:
        """Make the primary a secondary at once, in the middle of whatever it does."""
        with _alone(self.primary()) as client, suppress(AutoReconnect):
            client.admin.command("replSetStepDown", 20, force=True)

    def kill_primary(self) -> int:
        """SIGKILL the primary; its port."""
        return self._kill(self.primary())

    def kill_majority(self) -> list[int]:
        """SIGKILL the primary and another; their ports. Nothing can be confirmed until one of them is back."""
        primary = self.primary()
        other = next(port for port in self._ports if port != primary)
        return [self._kill(primary), self._kill(other)]

    def secondary(self) -> int:
        """The port of a secondary, which is also its tag `port`."""
        primary = self.primary()
        return next(port for port in self._ports if port != primary)

    @contextmanager
    def behind(self, port: int) -> Iterator[None]:
        """A secondary that takes over nothing any more, and answers from what it has."""
        with _alone(port) as client:
            client.admin.command("configureFailPoint", "rsSyncApplyStop", mode="alwaysOn")
            try:
                yield
            finally:
                client.admin.command("configureFailPoint", "rsSyncApplyStop", mode="off")

    @contextmanager
    def primary_stopped(self) -> Iterator[int]:
        """The primary stands still, as if its machine did; its port. The others elect another."""
        with self._stopped([self.primary()]) as (port,):
            yield port

    @contextmanager
    def primary_alone(self) -> Iterator[int]:
        """The primary hears nothing from the others any more, while clients reach it; its port."""
        primary = self.primary()
        with self._stopped([port for port in self._ports if port != primary]):
            yield primary

    @contextmanager
    def _stopped(self, ports: list[int]) -> Iterator[list[int]]:
        for port in ports:
            self._processes[port].send_signal(signal.SIGSTOP)
        try:
            yield ports
        finally:
            for port in ports:
                self._processes[port].send_signal(signal.SIGCONT)

    def _kill(self, port: int) -> int:
        self._processes[port].kill()
        self._processes[port].wait()
        return port

    def stop_all(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@contextmanager
def replica_set_of_three(folder: Path) -> Iterator[ReplicaSet]:
    running = ReplicaSet(folder)
    try:
        running.start_all()
        yield running
    finally:
        running.stop_all()


def _alone(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=5000)


def _is_primary(port: int) -> bool:
    try:
        with _alone(port) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False
