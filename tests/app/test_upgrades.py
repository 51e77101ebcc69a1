"""Who wishes for another protocol: nothing that he sends is taken for another request, and no place is held for him."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.in_process import served

SECONDS = 60
HEAD = "{} HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: {}\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: api\r\n\r\n"
BODIES = {
    "of a length": (f"Content-Length: {len(HIDDEN)}\r\n", HIDDEN),
    "in chunks": ("Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
}


@dataclass
class Asked:
    """An app that notes what it is asked for."""

    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_with_a_wish_for_another_protocol_is_never_another_request(kind: str, protocol: str) -> None:
    app, (header, body) = Asked(), BODIES[kind]
    async with served(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD.format("POST /shown", protocol) + header + "\r\n").encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        with suppress(OSError):  # it is hung up on
            writer.write(body)
            writer.write_eof()
            await asyncio.wait_for(reader.read(), SECONDS)
        writer.close()
    assert head.startswith(b"HTTP/1.1 501")
    assert app.paths == []


async def test_who_wishes_for_another_protocol_and_brings_nothing_is_answered_by_this_one() -> None:
    app = Asked()
    async with served(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in ("/one", "/two"):
            writer.write((HEAD.format(f"GET {path}", "h2c") + "Content-Length: 0\r\n\r\n").encode())
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)).startswith(b"HTTP/1.1 204")
        writer.close()
    assert app.paths == ["/one", "/two"]


@pytest.mark.parametrize("asks", ["POST /ws/audio/s", "GET /ws/audio/s"])
async def test_a_handshake_that_cannot_be_read_holds_no_place_and_stops_no_stop(asks: str) -> None:
    async with served(Asked()) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD.format(asks, "websocket") + "X-Long: " + 9000 * "x" + "\r\n\r\n").encode())
        assert (await asyncio.wait_for(reader.read(), SECONDS)).startswith(b"HTTP/1.1 400")
        writer.close()
        async with asyncio.timeout(SECONDS):
            while server.server_state.connections:
                await asyncio.sleep(0.01)
