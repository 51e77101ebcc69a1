import asyncio

from services.adapters.mongo.client import open_client

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
    async with asyncio.timeout(20), lock:
        pass  # the next one gets it
    await client.close()  # would wait for ever where the lock is lost
