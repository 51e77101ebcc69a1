"""A command that is held is found, and ended before it is carried out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.chaos.holds import brake, held_operations
from tests.chaos.steps import Hold
from tests.scripts.running import until

Client = MongoClient[dict[str, Any]]
HOLD = Hold("viva-voce-worker", "insert", "held")
LONG = 60.0


@pytest.fixture
def admin(mongodb_url: str) -> Iterator[Client]:
    with Client(mongodb_url) as admin:
        yield admin
        admin["viva_voce"]["held"].drop()


@pytest.fixture
def worker(mongodb_url: str) -> Iterator[Client]:
    with Client(mongodb_url, appname=HOLD.app, retryWrites=False) as worker:
        yield worker


def test_a_held_command_is_found_and_ended_without_effect(admin: Client, worker: Client) -> None:
    with ThreadPoolExecutor(1) as thread, brake(admin, HOLD, LONG) as held:
        writing = thread.submit(worker["viva_voce"]["held"].insert_one, {"data": bytes(200_000)})
        held.wait()
        operations = held.held_operations()
        assert len(operations) == 1
        assert held.are_waiting(operations)
        assert held_operations(admin) == operations
        held.end(operations)
        assert isinstance(writing.exception(LONG / 2), PyMongoError)
    until(lambda: not held.are_waiting(operations), 30)
    assert admin["viva_voce"]["held"].count_documents({}) == 0


def test_commands_on_other_collections_are_not_taken_for_it(admin: Client, worker: Client) -> None:
    with ThreadPoolExecutor(1) as thread, brake(admin, HOLD, 2.0) as held:
        writing = thread.submit(worker["viva_voce"]["held"].insert_one, {"data": b""})
        held.wait()
        assert held_operations(admin, Hold(HOLD.app, "insert", "others")) == []
        writing.result(60)
    assert admin["viva_voce"]["held"].count_documents({}) == 1


def test_another_command_of_its_kind_is_let_by(admin: Client, worker: Client) -> None:
    held_at = Hold(HOLD.app, "findAndModify", "held", what="findAndModify held size")
    collection = worker["viva_voce"]["held"]
    with ThreadPoolExecutor(1) as thread, brake(admin, held_at, 1.0) as held:
        other = thread.submit(collection.find_one_and_update, {}, {"$set": {"colour": "red"}}, upsert=True)
        then = thread.submit(collection.find_one_and_update, {}, {"$set": {"shape": "round"}})
        wanted = thread.submit(collection.find_one_and_update, {}, {"$set": {"size": 1}})
        held.wait()
        assert other.done() and then.done()
        wanted.result(60)
