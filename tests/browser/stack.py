"""The stack as `make up` runs it, with leases that a test can wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from scripts.stack import ports
from tests.scripts.running import Running
from tests.system.live import Stack

SHORT = ("LEASE_SECONDS=4", "OPENAI_TIMEOUT_SECONDS=3", "SWEEP_SECONDS=3")


@contextmanager
def running_stack(folder: Path, *more: str) -> Iterator[Stack]:
    """A stack of its own; how long it takes to stop is looked at elsewhere."""
    running = Running.start(folder, ports.choose(), *SHORT, *more)
    try:
        running.wait_ready()
        with MongoClient[dict[str, Any]](running.layout.read_env()["MONGODB_URL"], tz_aware=True) as client:
            yield Stack(running, client["viva_voce"])
        running.stop()
    finally:
        running.kill_all()
