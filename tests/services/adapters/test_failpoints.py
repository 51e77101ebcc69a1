"""The server fails at each command of the path in turn, once and twice in a row: what was accepted still ends well.

The driver repeats a command once; where that fails too, the store has to cope.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.adapters.mongo.indexes import ensure_indexes
from services.errors import Problem
from services.interviews.model import PartId
from tests.in_memory import ALICE, Q1
from tests.invariants import World, world_on_mongo

APP = "viva-voce-failpoints"
MOST_COMMANDS = 200
WRITES = {"insert", "update", "delete", "findAndModify"}
COLLECTIONS = ("interview_sessions", "parts", "fs.files", "fs.chunks", "receipts")
SHUTTING_DOWN = "shutting down, not confirmed"
FAILURES: dict[str, dict[str, Any]] = {
    "not primary": {"errorCode": 10107},
    "primary stepped down": {"errorCode": 189},
    "connection closed": {"closeConnection": True},
    "not confirmed in time": {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    SHUTTING_DOWN: {"writeConcernError": {"code": 91, "errmsg": "shutdown in progress"}},
}
CASES = [(failure, times) for failure in FAILURES for times in (1, 2)]


pytestmark = pytest.mark.long


@dataclass
class Ambush(CommandListener):
    """Hears each command before it is sent, and sets the failpoint before the n-th."""

    admin: MongoClient[dict[str, Any]]
    failure: dict[str, Any]
    times: int = 1
    at: int = 0
    heard: int = 0
    struck: str | None = None

    def lie_in_wait(self, at: int, failure: str, times: int) -> None:
        self.at, self.failure, self.times = at, FAILURES[failure], times
        self.heard, self.struck = 0, None

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name not in WRITES and "writeConcernError" in self.failure:
            return
        self.heard += 1
        if self.heard == self.at:
            self.struck = event.command_name
            what = {"failCommands": [event.command_name], "appName": APP, **self.failure}
            self.admin.admin.command("configureFailPoint", "failCommand", mode={"times": self.times}, data=what)

    def leave(self) -> None:
        self.at = 0
        self.admin.admin.command("configureFailPoint", "failCommand", mode="off")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


@pytest.fixture(scope="module")
def ambush(mongodb_url: str) -> Iterator[Ambush]:
    with MongoClient[dict[str, Any]](mongodb_url) as admin:
        yield Ambush(admin, {})


@pytest.fixture(scope="module")
async def failing(mongodb_url: str, ambush: Ambush) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """A database whose client is ambushed; it is the store's own client but for that."""
    options: dict[str, Any] = {"w": "majority", "wTimeoutMS": 10_000, "journal": True, "tz_aware": True}
    # So often that a server which was taken for gone is found again at once.
    often: dict[str, Any] = {"heartbeatFrequencyMS": 500, "serverSelectionTimeoutMS": 5_000}
    async with AsyncMongoClient[dict[str, Any]](
        mongodb_url, appname=APP, event_listeners=[ambush], **options, **often
    ) as client:
        await ensure_indexes(client["failpoints"])
        yield client["failpoints"]
        await client.drop_database("failpoints")


@pytest.mark.parametrize(("failure", "times"), CASES)
async def test_whatever_command_fails_no_answer_is_lost(
    failure: str, times: int, failing: AsyncDatabase[dict[str, Any]], ambush: Ambush
) -> None:
    struck = []
    for at in range(1, MOST_COMMANDS):
        for collection in COLLECTIONS:
            await failing[collection].delete_many({})
        world = world_on_mongo(failing)
        id = await world.house.session()
        ambush.lie_in_wait(at, failure, times)
        accepted = await _interview(world, id)
        ambush.leave()
        await world.glance()
        await world.drain()
        sight = await world.check()
        assert accepted <= {part.id for part in sight.parts() if part.sha256}
        if ambush.struck is None:
            break
        struck.append(ambush.struck)
    assert set(struck) >= WRITES, "some commands were never struck"


async def _interview(world: World, id: Any) -> set[PartId]:
    """Record, record again, transcribe, score, analyze; what was accepted. Two bytes are a sample: none is half."""
    accepted: set[PartId] = set()
    for text in ("the old take", "the newest takes"):
        with suppress(Problem):
            accepted.add((await world.upload(world.house, id, Q1, text)).id)
    for _ in range(2):
        with suppress(Problem):
            await world.hear(world.house)
    with suppress(Problem):
        await world.house.analysis.run(id, ALICE)
    return accepted
