"""How the driver's answers are waited for; what it asks of whoever reads them is what its own reading gives."""

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import pymongo
import pymongo.asynchronous.pool
import pytest
from pymongo import network_layer
from pymongo.errors import ProtocolError, _OperationCancelled
from pymongo.pool_shared import _CancellationContext

from services.adapters.mongo import driver_waits
from services.adapters.mongo.client import open_client
from tests.new_tasks import new_tasks
from tests.virtual_time import hurried


def receive(connection: Any) -> Any:
    return vars(pymongo.asynchronous.pool)["async_receive_message"](connection, 7, 1024)


def connection_of(read: Any, seconds: float | None = None) -> Any:
    context = _CancellationContext()
    protocol = SimpleNamespace(gettimeout=seconds, get_conn=SimpleNamespace(read=read))
    return SimpleNamespace(conn=protocol, cancel_context=context)


async def never(request_id: int, most_bytes: int) -> tuple[bytes, int]:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


@pytest.fixture(autouse=True)
def mended() -> None:
    driver_waits.mend()


def test_the_driver_has_what_is_replaced() -> None:
    own, ours = (inspect.signature(f) for f in (network_layer.async_receive_message, driver_waits._receive))
    assert list(own.parameters)[:2] == ["conn", "request_id"] and len(own.parameters) == len(ours.parameters)
    assert "async_receive_message(" in inspect.getsource(pymongo.asynchronous.pool.AsyncConnection.receive_message)


async def test_a_call_begins_no_task(mongodb_url: str) -> None:
    async with open_client(f"{mongodb_url}&serverMonitoringMode=poll&heartbeatFrequencyMS=600000") as client:
        await client.admin.command("ping")
        with new_tasks() as tasks:
            await client.admin.command("ping")
            assert await client["nothing"]["here"].find_one({}) is None
        assert not tasks


@hurried
async def test_a_connection_that_is_given_up_is_waited_for_no_longer() -> None:
    connection = connection_of(never)
    waiting = asyncio.create_task(receive(connection))
    await asyncio.sleep(60)
    assert not waiting.done()
    connection.cancel_context.cancel()
    with pytest.raises(_OperationCancelled):
        await waiting


@hurried
async def test_the_connection_s_own_time_ends_the_waiting() -> None:
    with pytest.raises(TimeoutError, match="timed out"):
        await receive(connection_of(never, seconds=3))
    assert asyncio.get_running_loop().time() == 3


@hurried
async def test_who_is_cancelled_reads_no_longer() -> None:
    was_cancelled = False

    async def read(request_id: int, most_bytes: int) -> tuple[bytes, int]:
        nonlocal was_cancelled
        try:
            return await never(request_id, most_bytes)
        except asyncio.CancelledError:
            was_cancelled = True
            raise

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(receive(connection_of(read)), 5)
    assert was_cancelled


async def test_what_is_no_answer_is_refused() -> None:
    async def read(request_id: int, most_bytes: int) -> tuple[bytes, int]:
        return b"", 1

    with pytest.raises(ProtocolError, match="opcode 1"):
        await receive(connection_of(read))


async def test_a_deadline_of_the_caller_holds() -> None:
    with pytest.raises(TimeoutError, match="timed out"), pymongo.timeout(0.01):
        await receive(connection_of(never))
