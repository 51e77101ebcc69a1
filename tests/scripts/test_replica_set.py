"""The embedded mongod as a replica set of one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from scripts.stack import ports, processes, programs, replica_set
from scripts.stack.layout import Layout
from tests.scripts.running import until


@contextmanager
def mongod(layout: Layout, port: int) -> Iterator[None]:
    command = processes.mongod(programs.find_mongod(), port, layout).command
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_a_new_set_takes_writes_and_follows_its_server_to_another_port(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    layout.make()
    for port in (ports.choose(), ports.choose()):
        with mongod(layout, port):
            until(partial(replica_set.is_primary, port), 30)


def test_a_server_that_is_not_there_takes_no_writes() -> None:
    assert not replica_set.is_primary(ports.choose())
