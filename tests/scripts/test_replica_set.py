"""The embedded mongod as a replica set of one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from scripts.stack import ports, processes, programs, replica_set
from scripts.stack.layout import Layout, write_private
from tests.scripts.running import until


@contextmanager
def mongod(layout: Layout, port: int, key: Path | None = None) -> Iterator[None]:
    command = processes.mongod(programs.find_mongod(), port, layout, key=key).command
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_a_new_set_takes_writes_and_follows_its_server_to_another_port(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    layout.make()
    for port in (ports.choose(), ports.choose()):
        with mongod(layout, port):
            until(partial(replica_set.is_primary, port))


def test_a_server_that_is_not_there_takes_no_writes() -> None:
    assert not replica_set.is_primary(ports.choose())


@pytest.mark.long
def test_a_set_with_a_password_lets_nobody_else_in_and_moves_as_well(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    layout.make()
    write_private(layout.key, "k" * 64)
    for port in (ports.choose(), ports.choose()):
        with mongod(layout, port, layout.key):
            until(partial(replica_set.is_primary, port, "secret"))
            with MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as anybody:
                with pytest.raises(OperationFailure, match="requires authentication"):
                    anybody["viva_voce"]["parts"].find_one()
                with pytest.raises(OperationFailure):
                    anybody.admin.command("createUser", "another", pwd="x", roles=["root"])


@pytest.mark.long
def test_a_set_of_before_gets_its_password(tmp_path: Path) -> None:
    layout, port = Layout.at(tmp_path), ports.choose()
    layout.make()
    with mongod(layout, port):
        until(partial(replica_set.is_primary, port))
    write_private(layout.key, "k" * 64)
    with mongod(layout, port, layout.key):
        until(partial(replica_set.is_primary, port, "secret"))
