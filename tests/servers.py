"""Real servers for tests, each alone in a folder and on a port of its own."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psutil

from scripts.stack import ports, replica_set
from scripts.stack.child import die_with_parent
from scripts.stack.programs import find_mongod, find_valkey

START_SECONDS = 120.0
# Of every API that a test starts; see the option of tests/conftest.py.
API_PROCESSES = 1


def free_port() -> int:
    """One that no outgoing connection gets before a server has it, or between two lives of the server."""
    return ports.choose()


@contextmanager
def mongod(folder: Path) -> Iterator[str]:
    """The URL of a replica set of one, which takes failpoints."""
    port = free_port()
    with running(mongod_command(folder, port), folder / "mongod.log", lambda: replica_set.is_primary(port)):
        yield f"mongodb://127.0.0.1:{port}/?replicaSet={replica_set.NAME}"


def mongod_command(folder: Path, port: int) -> list[str | Path]:
    """A small member of a replica set, which takes failpoints."""
    command: list[str | Path] = [find_mongod(), "--dbpath", folder, "--port", str(port), "--bind_ip", "127.0.0.1"]
    command += [
        "--nounixsocket",
        "--replSet",
        replica_set.NAME,
        "--wiredTigerCacheSizeGB",
        "0.25",
        "--oplogSize",
        "64",
        "--quiet",
    ]
    parameters = ("enableTestCommands=1", "shutdownTimeoutMillisForSignaledShutdown=100")
    for parameter in (*parameters, "diagnosticDataCollectionEnabled=false"):
        command += ["--setParameter", parameter]
    return command


@contextmanager
def valkey(folder: Path, *options: str, port: int | None = None) -> Iterator[str]:
    """The URL of a Valkey that keeps nothing, unless the options say otherwise."""
    port = port or free_port()
    command: list[str | Path] = [find_valkey(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
    command += ["--save", "", *options]
    with running(command, folder / "valkey.log", lambda: listens(port)):
        yield f"redis://127.0.0.1:{port}/0"


def started(command: Sequence[str | Path], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process that ends when its tests do, however they end."""
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)


@contextmanager
def running(command: list[str | Path], log: Path, is_up: Callable[[], bool]) -> Iterator[None]:
    """Run a server from when it is up to the end of the block."""
    with log.open("wb") as output, started(command, output) as process:
        try:
            _wait(process, is_up, log)
            yield
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _wait(process: subprocess.Popen[bytes], is_up: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def pid_of(url: str) -> int:
    """The process of this test run that listens there."""
    port = urlsplit(url).port
    (pid,) = [child.pid for child in psutil.Process().children() if port in _ports_of(child)]
    return pid


def _ports_of(process: psutil.Process) -> set[int]:
    """None for one that has just ended."""
    try:
        return {each.laddr.port for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN}
    except psutil.Error:
        return set()


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
