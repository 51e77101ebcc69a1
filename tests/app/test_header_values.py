"""What a header says is its value, without the white space around it."""

import asyncio

from tests.in_process import served


class Telling:
    """An app that answers with what `X-Told` says."""

    async def __call__(self, scope: dict[str, object], _: object, send: object) -> None:
        assert callable(send)
        assert isinstance(scope["headers"], list)
        told = dict(scope["headers"])[b"x-told"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<" + told + b">"})


async def test_white_space_around_a_value_is_no_part_of_it() -> None:
    async with served(Telling()) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\nX-Told: \t a b \t \r\n\r\n")
        assert (await reader.read()).split(b"\r\n\r\n")[1].count(b"<a b>") == 1
        writer.close()
