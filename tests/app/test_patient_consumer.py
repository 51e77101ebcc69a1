"""A worker goes on where the broker refused for a while what it asked, as one that became a copy does."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from app.config import Settings
from app.jobs import make_celery
from services.adapters.celery_doorbell import TRANSCRIBE
from tests import servers
from tests.scripts.running import until

OPTIONS = ("--pool", "threads", "--concurrency", "1", "--loglevel", "INFO")


@contextmanager
def worker(url: str, log: Path) -> Iterator[Callable[[str], bool]]:
    """Answers whether it has said something."""
    command = ["env", f"REDIS_URL={url}", sys.executable, "-m", "celery", "-A", "tests.app.small_worker", "worker"]
    said: Callable[[str], bool] = lambda text: text in log.read_text()  # noqa: E731
    with servers.running([*command, *OPTIONS], log, lambda: said(" ready.")):
        yield said


@pytest.mark.long
def test_a_broker_that_was_a_copy_for_a_while_is_heard_again(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as url, Redis.from_url(url) as broker, worker(url, tmp_path / "worker.log") as said:
        celery = make_celery(Settings(redis_url=url))
        celery.send_task(TRANSCRIBE, args=["before"])
        until(lambda: said("heard before"))
        broker.execute_command("REPLICAOF", "127.0.0.1", str(servers.free_port()))
        until(lambda: said("You can't write against a read only replica"))
        broker.execute_command("REPLICAOF", "NO", "ONE")
        celery.send_task(TRANSCRIBE, args=["afterwards"])
        until(lambda: said("heard afterwards"))
