"""Requests that came together on one connection: the one in work hears that its client is gone."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.app.test_slow_readers import HEAD, served


@dataclass
class Stream:
    """An app that sends on until it hears that the client is gone."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sending = asyncio.create_task(self._send(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ended.set()
        sending.cancel()

    async def _send(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"more", "more_body": True})
            await asyncio.sleep(0.01)


async def test_a_stream_with_another_request_behind_it_ends_with_its_client() -> None:
    app = Stream()
    async with served(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + HEAD)
        await reader.readuntil(b"more")
        writer.close()
        await asyncio.wait_for(app.ended.wait(), 60)
