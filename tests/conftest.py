"""What many tests need: real servers, started once, and a database of one's own in each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

from services.adapters.mongo.client import open_client
from tests import servers
from tests.at_length import USUAL
from tests.emptied import emptied, ready

BROWSER, SYSTEM = "tests/browser/", "tests/system/"
# Of the tests of the whole system these start stacks or servers of their own; the others share one stack.
OWN_STACKS = (
    "clocks",
    "erasing",
    "failover",
    "forgotten_keys",
    "full_broker",
    "hosted",
    "idempotency",
    "interim",
    "kill_matrix",
    "lagging_secondary",
    "loop_stall",
    "memory",
    "operations",
    "prefork",
    "restore",
    "reticent_logs",
    "spoken_cells",
    "two_processes",
    "uploaders",
)

# How long an example takes is the machine's business.
for profile, examples in ((USUAL, 33), ("more", 100), ("long", 100)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(USUAL)

# Rich's tracebacks, which structlog takes where it finds them, take seconds each.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --api-processes 2 tests/system/test_push.py`: the same tests against several processes behind a port."""
    parser.addoption("--api-processes", type=int, default=1, help="API processes behind the port of each stack")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "Lots":
    return Lots(config, log)


class Lots(LoadFileScheduling):  # type: ignore[misc]
    """Side by side go files. What shares a stack is one lot; those of the browser are two, each with a browser too.

    Firefox is a third: two of them at once, each with a sound card, do not both start their AudioContext on few cores.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(BROWSER):
            if "[firefox" in nodeid:
                return f"{BROWSER}firefox"
            of_pages = nodeid.startswith((f"{BROWSER}test_demo", f"{BROWSER}test_admin"))
            return f"{BROWSER}pages" if of_pages else f"{BROWSER}recorder"
        if nodeid.startswith(SYSTEM) and not nodeid.startswith(tuple(f"{SYSTEM}test_{name}." for name in OWN_STACKS)):
            return SYSTEM
        return str(super()._split_scope(nodeid))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that nobody waits for it in the end."""
    items.sort(key=lambda item: not item.nodeid.startswith((SYSTEM, BROWSER)))


def pytest_configure(config: pytest.Config) -> None:
    servers.API_PROCESSES = config.getoption("--api-processes")


@pytest.fixture(scope="session")
def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.mongod(tmp_path_factory.mktemp("mongod")) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
async def mongo(mongodb_url: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    # Its loop stands still while a test that is no coroutine runs: a server that is listened to would seem lost.
    async with open_client(f"{mongodb_url}&serverMonitoringMode=poll") as client:
        yield client
        await client.admin.command("ping")
        await asyncio.sleep(1.0)  # what it has just begun, after such a standstill, cannot be closed


@pytest.fixture
async def database(mongo: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """Empty, with its indexes: the same one for every test, since to make one costs more than most tests do."""
    database = mongo["viva_voce_test"]
    await ready(database)
    yield database
    await emptied(database)
