"""The processes of a stack, in the order in which they start."""

import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.stack import reticent
from scripts.stack.layout import Layout

# A worker that greets no others starts a second sooner; its signs of life are in the database.
ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat")
RETICENT = (sys.executable, "-I", "-S", str(Path(reticent.__file__).resolve()))


@dataclass(frozen=True, slots=True)
class Process:
    """A program to keep running; it starts once something listens at each of `after`."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()


def mongod(
    program: Path, port: int, layout: Layout, *, test_commands: bool = False, key: Path | None = None
) -> Process:
    """With a key, it asks for a password."""
    options = {
        "--port": str(port),
        "--bind_ip": "127.0.0.1",
        "--replSet": "rs0",
        "--dbpath": str(layout.data("mongod")),
        "--wiredTigerCacheSizeGB": "0.5",
        "--oplogSize": "512",
        # No slow command is logged: it would be with all that stands in it.
        "--slowms": "1000000000",
        "--slowOpSampleRate": "0",
        **({"--keyFile": str(key)} if key else {}),
    }
    parameters = ["shutdownTimeoutMillisForSignaledShutdown=100", "diagnosticDataCollectionEnabled=false"]
    parameters += ["enableTestCommands=1"] if test_commands else []
    return Process(
        "mongod",
        (
            *RETICENT,
            str(program),
            *(word for pair in options.items() for word in pair),
            *(word for parameter in parameters for word in ("--setParameter", parameter)),
            "--nounixsocket",
            "--quiet",
        ),
    )


def valkey(program: Path, port: int, layout: Layout, *, settings: Path | None = None) -> Process:
    """Its password stands in a file of settings, because every user sees a command line."""
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(layout.data("valkey")),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--maxmemory-policy": "noeviction",
        "--save": "",
    }
    return Process(
        "valkey",
        (str(program), *([str(settings)] if settings else []), *(word for pair in options.items() for word in pair)),
    )


def worker(after: tuple[str, ...], name: str = "worker") -> Process:
    return Process(name, _celery("worker", "--queues", "celery", "--hostname", f"{name}@%h", *ALONE), after)


def upkeep(after: tuple[str, ...]) -> Process:
    """A worker for the sweep alone, so that no long recording holds it up."""
    return Process(
        "upkeep",
        _celery("worker", "--queues", "upkeep", "--pool", "solo", "--hostname", "upkeep@%h", *ALONE),
        after,
    )


def beat(layout: Layout, after: tuple[str, ...]) -> Process:
    schedule = str(layout.data("beat-schedule"))
    return Process("beat", _celery("beat", "-s", schedule, "--pidfile="), after)


def api(port: int, after: tuple[str, ...]) -> Process:
    return Process("api", _python("app.serve", "--host", "127.0.0.1", "--port", str(port), "--grace", "2"), after)


def rtp(after: tuple[str, ...]) -> Process:
    """Takes in calls as RTP over UDP."""
    return Process("rtp", _python("app.rtp"), after)


def _celery(*arguments: str) -> tuple[str, ...]:
    return _python("celery", "--quiet", "-A", "celery_app", *arguments, "--loglevel", "INFO")


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)
