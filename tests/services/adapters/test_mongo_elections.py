"""What is known of elections, on a replica set that holds some."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener, CommandStartedEvent

from services.adapters.mongo.documents import session_document
from services.adapters.mongo.elections import MongoElections, newest
from services.adapters.mongo.sessions import MongoSessions
from services.interviews.model import Question, Session
from tests import servers
from tests.services.adapters.stores import ANN, Q1, S1


class Heard(CommandListener):
    """The write concerns of the commands that number takes."""

    def __init__(self) -> None:
        self.concerns: list[Any] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "findAndModify":
            self.concerns.append(event.command["writeConcern"]["w"])

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
async def client(tmp_path: Path, heard: Heard) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    with servers.mongod(tmp_path) as url:
        async with AsyncMongoClient[dict[str, Any]](url, w="majority") as first:
            asked = Session(id=S1, user_id=ANN.user_id, questions=(Question(id=Q1, text="?"),))
            await first["elections"]["interview_sessions"].insert_one({"_id": S1, **session_document(asked)})
        async with AsyncMongoClient[dict[str, Any]](url, w="majority", event_listeners=[heard]) as client:
            yield client


async def step_down(client: AsyncMongoClient[dict[str, Any]]) -> None:
    """Have the primary give up its place, and wait until it has been elected again."""
    with_force = {"replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": True}
    await client.admin.command(with_force)
    async with asyncio.timeout(60):
        while True:
            try:
                await client["elections"]["written"].insert_one({})
                return
            except PyMongoError:
                await asyncio.sleep(0.1)


async def test_an_election_is_noticed_by_the_next_write_at_the_latest(client: AsyncMongoClient[dict[str, Any]]) -> None:
    elections = MongoElections(client["elections"])
    assert not elections.none_since(newest(client)), "nothing is known before the first call"
    await client.admin.command("ping")
    last = newest(client)
    assert last is not None
    await client["elections"]["written"].insert_one({})
    assert elections.none_since(last)
    await step_down(client)
    assert not elections.none_since(last)
    assert elections.none_since(newest(client))


async def test_a_number_waits_for_a_majority_only_where_elections_are_not_known(
    client: AsyncMongoClient[dict[str, Any]], heard: Heard
) -> None:
    sessions = MongoSessions(client["elections"])
    first = await sessions.next_take(S1, Q1, ANN)
    second = await sessions.next_take(S1, Q1, ANN)
    assert (first.number, first.since) == (1, None)
    assert (second.number, second.since) == (2, newest(client))
    assert second.since is not None
    assert heard.concerns == ["majority", 1]
