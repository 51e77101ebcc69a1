"""A whole stack: what dies comes back, what is asked to stop is gone."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from app.finding import State
from scripts.doctor import processes
from scripts.stack import leftovers, ports
from tests import servers
from tests.scripts.running import NAMES, Running, runs, until

pytestmark = pytest.mark.long

Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a stack in a folder of this name; whatever is left at the end is killed."""
    with ExitStack() as cleanup:

        def started(name: str = "a", *prefix: str, port: int | None = None) -> Running:
            running = Running.start(tmp_path / name, port or ports.choose(), *prefix)
            cleanup.callback(running.kill_all)
            return running

        yield started


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running.start(tmp_path_factory.mktemp("100%(x)s of a house"), ports.choose())
    try:
        running.wait_ready()
        yield running
        assert running.stop() == 0
    finally:
        running.kill_all()


def kill(running: Running, name: str) -> int:
    """Kill a process and wait for the next of its name."""
    before = running.layout.read_pids()[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: running.layout.read_pids().get(name, before) != before)
    return running.layout.read_pids()[name]


def test_every_process_has_a_pid_file(house: Running) -> None:
    pids = house.layout.read_pids()
    assert set(pids) == NAMES
    assert all(runs(pid) for pid in pids.values())


def test_every_process_is_known_as_the_stacks_own_and_the_doctor_finds_them_well(house: Running) -> None:
    assert set(leftovers.alive(house.layout)) == set(house.layout.read_pids().values())
    assert {finding.state for finding in processes.looked_at(house.layout)} == {State.OK}


def test_a_killed_mongod_comes_back_where_it_was_with_what_it_held(house: Running) -> None:
    url = house.layout.read_env()["MONGODB_URL"]
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=20000) as client:
        client.kept.things.insert_one({"_id": "here"})
    assert runs(kill(house, "mongod"))
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=20000) as client:
        assert client.kept.things.find_one() == {"_id": "here"}


def test_nobody_gets_into_the_servers_without_the_password(house: Running) -> None:
    known = house.layout.read_env()
    password = urlsplit(known["MONGODB_URL"]).password or ""
    assert len(password) >= 32 and urlsplit(known["REDIS_URL"]).password == password
    at = urlsplit(known["MONGODB_URL"]).port
    with (
        MongoClient[dict[str, Any]]("127.0.0.1", at, directConnection=True) as anybody,
        pytest.raises(OperationFailure),
    ):
        anybody["viva_voce"].list_collection_names()
    with redis.Redis(port=urlsplit(known["REDIS_URL"]).port or 0) as anybodys, pytest.raises(redis.AuthenticationError):
        anybodys.ping()
    for pid in house.layout.read_pids().values():
        assert password not in (Path("/proc") / str(pid) / "cmdline").read_text(), "every user sees a command line"


def test_a_killed_valkey_comes_back_where_it_was_with_what_it_held(house: Running) -> None:
    url = house.layout.read_env()["REDIS_URL"]
    with redis.Redis.from_url(url) as client:
        client.set("kept", "here")
        time.sleep(1.1)
    assert runs(kill(house, "valkey"))
    until(lambda: _holds(url, "kept", b"here"))


@pytest.mark.parametrize("name", ["api", "worker", "upkeep", "beat"])
def test_a_killed_process_of_the_house_comes_back(house: Running, name: str) -> None:
    assert runs(kill(house, name))


def test_a_killed_supervisor_comes_back_with_everything(house: Running) -> None:
    before = house.layout.read_pids()
    os.kill(before["supervisord"], signal.SIGKILL)
    until(lambda: set(house.layout.read_pids()) == NAMES and _all_new(before, house.layout.read_pids()))
    until(lambda: not any(runs(pid) for pid in before.values()))
    until(lambda: not ports.is_free(house.port))


def test_the_same_folder_is_refused_while_it_is_in_use(house: Running, start: Start) -> None:
    second = Running.start(house.layout.root.parent / "second", ports.choose(), f"STATE_DIR={house.layout.root}")
    assert second.process.wait(120) == 1
    assert "Another stack" in second.output("err")


def test_a_port_that_is_taken_is_named_before_anything_starts(house: Running, start: Start) -> None:
    until(lambda: not ports.is_free(house.port))  # its API may have been killed just before
    second = start(port=house.port)
    assert second.process.wait(120) == 1
    assert f"Port {house.port} is taken" in second.output("err")
    assert not second.layout.read_pids()


def test_two_stacks_live_side_by_side_and_a_second_request_to_stop_changes_nothing(
    house: Running, start: Start
) -> None:
    second = start()
    second.wait_ready()
    pids = second.layout.read_pids()
    assert second.layout.read_env()["MONGODB_URL"] != house.layout.read_env()["MONGODB_URL"]
    for _ in range(2):
        os.killpg(second.process.pid, signal.SIGINT)
        time.sleep(0.2)
    assert second.process.wait(60) == 0
    assert not any(runs(pid) for pid in pids.values())
    assert not list(second.layout.pids.iterdir())
    assert all(runs(pid) for pid in house.layout.read_pids().values())


def test_addresses_that_are_set_take_the_place_of_the_embedded_servers(
    house: Running, start: Start, tmp_path: Path
) -> None:
    known = house.layout.read_env()
    mongodb, secret = f"{known['MONGODB_URL']}&appName=100%25%20sure", "100%(x)s" * 8
    with servers.valkey(tmp_path, "--requirepass", "100%") as redis_url:
        given = {"MONGODB_URL": mongodb, "REDIS_URL": redis_url.replace("//", "//:100%25@"), "JWT_SECRET": secret}
        given |= {name: known[name] for name in ("KEYRING_DIR", "RECEIPT_KEYS")}
        second = start("a", *(f"{name}={value}" for name, value in given.items()))
        second.wait_ready()
        assert set(second.layout.read_pids()) == NAMES - {"mongod", "valkey"}
        assert second.layout.read_env() == known | given
        assert second.layout.read_environment("worker").items() >= given.items()
        assert second.stop() == 0


@pytest.mark.parametrize("name", ["api", "worker", "upkeep", "beat"])
def test_each_line_that_a_process_of_the_house_has_written_is_json(house: Running, name: str) -> None:
    lines = house.layout.log(name).read_text().splitlines()
    assert lines
    assert all("event" in json.loads(line) for line in lines)


def test_no_secret_is_in_a_log_and_only_the_owner_may_read_them(house: Running) -> None:
    secret = house.layout.read_env()["JWT_SECRET"]
    logs = list(house.layout.logs.iterdir())
    assert {log.stem for log in logs} > NAMES
    assert not [log.name for log in logs if secret in log.read_text()]
    assert not [path for path in house.layout.root.rglob("*") if path.stat().st_mode & 0o077]


def test_a_stop_while_it_starts_leaves_nothing(start: Start) -> None:
    running = start()
    until(lambda: "valkey" in running.layout.read_pids())
    pids = running.layout.read_pids()
    assert running.stop() == 128 + signal.SIGTERM
    assert "ready" not in running.output("out")
    assert not any(runs(pid) for pid in pids.values())


def test_after_a_killed_stack_the_next_one_starts_at_once_and_keeps_the_secret(start: Start) -> None:
    first = start()
    first.wait_ready()
    pids, secret = first.layout.read_pids(), first.layout.read_env()["JWT_SECRET"]
    first.stop(signal.SIGKILL)
    second = start(port=first.port)
    second.wait_ready()
    assert not any(runs(pid) for pid in pids.values())
    assert second.layout.read_env()["JWT_SECRET"] == secret
    assert second.stop() == 0


def test_what_keeps_dying_is_named_with_the_end_of_its_log(start: Start) -> None:
    running = start("a", "SPEECH_MODEL=/nowhere")
    assert running.process.wait(300) == 1
    assert "worker keeps dying" in running.output("err")
    assert "SPEECH_MODEL" in running.output("err")
    assert not running.layout.read_pids()


def _all_new(before: dict[str, int], after: dict[str, int]) -> bool:
    return all(after[name] != pid for name, pid in before.items())


def _holds(url: str, key: str, value: bytes) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.get(key) == value)
    except redis.RedisError:
        return False
