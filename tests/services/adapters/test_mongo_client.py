import asyncio
from pathlib import Path

import pytest
from pymongo import ReadPreference
from pymongo.errors import PyMongoError

from scripts.stack.replica_set import NAME, is_primary
from services.adapters.mongo.client import open_client, without_ours
from tests import servers
from tests.logs import captured

NOBODY = "mongodb://127.0.0.1:1"


async def test_a_call_that_is_cancelled_just_after_its_wait_was_over_holds_nobody_up() -> None:
    client = open_client(NOBODY)
    lock = client._topology._lock
    call = asyncio.create_task(client.admin.command("ping"))
    await asyncio.sleep(0.2)
    async with lock:
        await asyncio.sleep(0.7)  # it looks for a server every half second, and now it wants the lock back
        call.cancel()
    await asyncio.wait({call})
    assert call.cancelled()
    async with asyncio.timeout(60), lock:
        pass  # the next one gets it
    await client.close()  # would wait for ever where the lock is lost


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("replicaSet=rs0&readPreference=secondary&readPreferenceTags=a:b", "?replicaSet=rs0"),
        ("W=0&JOURNAL=false;wTimeoutMS=1&retryWrites=false&maxStalenessSeconds=90", "?"),
        ("readConcernLevel=available&tls=true", "?tls=true"),
    ],
)
async def test_an_address_has_no_say_in_where_is_read_and_how_is_written(asked: str, left: str) -> None:
    assert without_ours(f"{NOBODY}/?{asked}")[0] == f"{NOBODY}/{left}"
    async with open_client(f"{NOBODY}/?{asked}") as client:
        for one in (client, client["viva_voce"], client["viva_voce"]["parts"]):
            assert one.read_preference == ReadPreference.PRIMARY
            assert one.read_concern.document == {"level": "local"}
            assert one.write_concern.document == {"w": "majority", "wtimeout": 10_000, "j": True}
        assert client.options.retry_writes and client.options.retry_reads


@pytest.mark.parametrize("url", [NOBODY, "mongodb://a:b%3Fw=1@h/db?replicaSet=rs0&authSource=admin", f"{NOBODY}/?"])
def test_the_rest_of_an_address_is_left_as_it_is(url: str) -> None:
    assert without_ours(url) == (url, [])


async def test_the_log_says_when_the_database_is_lost_and_when_it_is_found(tmp_path: Path) -> None:
    port = servers.free_port()
    (tmp_path / "data").mkdir()
    command = servers.mongod_command(tmp_path / "data", port)
    with captured() as logs:

        async def told(*events: str) -> None:
            async with asyncio.timeout(60):
                while [line["event"] for line in logs] != list(events):
                    await asyncio.sleep(0.05)

        async with open_client(f"mongodb://127.0.0.1:{port}/?replicaSet={NAME}&heartbeatFrequencyMS=500") as client:
            with servers.running(command, tmp_path / "log", lambda: is_primary(port)):
                await client.admin.command("ping")
                await told()
            await told("MongoDB lost")
            assert list(logs[0]["servers"]) == [f"127.0.0.1:{port}"]
            assert logs[0]["servers"][f"127.0.0.1:{port}"] != "RSPrimary"
            with servers.running(command, tmp_path / "log", lambda: is_primary(port)):
                await client.admin.command("ping")
                await told("MongoDB lost", "MongoDB found")


async def test_a_client_that_is_closed_has_lost_nothing(mongodb_url: str) -> None:
    with captured() as told:
        async with open_client(mongodb_url) as client:
            await client.admin.command("ping")
    assert [each["event"] for each in told if each["event"].startswith("MongoDB")] == []


async def test_who_is_not_let_in_is_told_by_the_name_of_that(mongodb_url: str) -> None:
    address = mongodb_url.replace("mongodb://", "mongodb://nobody:wrong@", 1)
    with captured() as told:
        async with open_client(address) as client:
            with pytest.raises(PyMongoError):
                await client.admin.command("ping")
    lost = [each for each in told if each["event"] == "MongoDB lost"]
    assert {name for each in lost for name in each["servers"].values()} == {"AuthenticationFailed"}
    assert "wrong" not in str(told)
