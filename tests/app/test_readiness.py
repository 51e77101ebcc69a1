"""What /readyz is told, and how long it waits for it."""

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo import AsyncMongoClient

from app.container import Wiring
from app.keys import KeyStore
from app.readiness import look
from routes.dependencies import Health
from scripts.stack.programs import find_mongod
from services.adapters.jwt_tokens import JwtTokens
from services.adapters.mongo.client import open_client
from services.adapters.mongo.documents import Document
from services.adapters.mongo.sealing import Sealing
from tests import servers
from tests.virtual_time import VirtualLoop

A_SECOND = 1.0


class Hanging:
    """Stands for the wiring and its database, of which some never answer."""

    def __init__(self, *silent: str, hello: Document | None = None) -> None:
        self._silent = silent
        self._hello = hello or {"setName": "rs0"}
        self.workers = self.doorbell = self.admin = self
        self.key_store = KeyStore(Sealing())

    async def alive(self) -> list[str]:
        return ["one", "two"]

    async def waiting(self) -> int:
        await self._answers("redis")
        return 0

    async def command(self, _: str) -> Document:
        await self._answers("mongodb")
        return self._hello

    async def _answers(self, who: str) -> None:
        if who in self._silent:
            await asyncio.get_running_loop().create_future()

    def look(self) -> Awaitable[Health]:
        return look(cast(Wiring, self), cast("AsyncMongoClient[Document]", self), JwtTokens(secret="x" * 32))


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close_all()


@pytest.mark.parametrize(
    ("silent", "health"),
    [
        (("redis",), Health(True, False, 2)),
        (("mongodb",), Health(False, True, 0)),
        (("mongodb", "redis"), Health(False, False, 0)),
    ],
)
def test_who_is_silent_is_waited_for_less_than_a_second(
    loop: VirtualLoop, silent: tuple[str, ...], health: Health
) -> None:
    looking = loop.create_task(cast(Any, Hanging(*silent).look()))
    loop.settle()
    assert not looking.done()
    loop.now += A_SECOND
    loop.settle()
    assert looking.done()
    assert looking.result() == health


def test_a_router_to_shards_takes_answers(loop: VirtualLoop) -> None:
    assert loop.run_until_complete(Hanging(hello={"msg": "isdbgrid"}).look()) == Health(True, True, 2)


async def test_a_server_that_is_no_replica_set_is_not_ready(tmp_path: Path) -> None:
    port = servers.free_port()
    command: list[str | Path] = [find_mongod(), "--dbpath", tmp_path, "--port", str(port), "--bind_ip", "127.0.0.1"]
    command += ["--nounixsocket", "--quiet"]
    with servers.running(command, tmp_path / "log", lambda: servers.listens(port)):
        async with open_client(f"mongodb://127.0.0.1:{port}/") as client:
            await client.admin.command("ping")
            tokens = JwtTokens(secret="x" * 32)
            assert await look(cast(Wiring, Hanging()), client, tokens) == Health(False, True, 0)
