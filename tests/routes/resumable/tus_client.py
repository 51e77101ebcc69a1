"""What a client of tus sends, by hand."""

import base64
from collections.abc import AsyncIterator

import httpx2

from services.recordings.arrivals import ArrivalLimits
from tests.in_memory import Interior
from tests.routes.api import WEBM, Api, make_session

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


def small() -> Api:
    """An API that takes in pieces no more than it does at once."""
    return Api(house=Interior(arrival_limits=ArrivalLimits(most_bytes=100_000)))


def metadata(session: str, question: str = "q1", **more: str) -> dict[str, str]:
    values = {"session_id": session, "question_id": question, **more}
    pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())
    return {"Upload-Metadata": ",".join(pairs)}


async def create(
    client: httpx2.AsyncClient, session: str, length: int | None = len(WEBM), body: bytes = b"", **more: str
) -> httpx2.Response:
    """Begin an upload; its length is deferred where it is None."""
    said = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers = (BYTES if body else TUS) | metadata(session) | said | {k.replace("_", "-"): v for k, v in more.items()}
    return await client.post("/api/uploads", content=body, headers=headers)


async def begun(client: httpx2.AsyncClient, length: int | None = len(WEBM)) -> str:
    """The address of a new upload of a new session."""
    made = await create(client, await make_session(client), length)
    assert made.status_code == 201, made.text
    return made.headers["Location"]


async def append(
    client: httpx2.AsyncClient, where: str, at: int, data: bytes | AsyncIterator[bytes], **more: str
) -> httpx2.Response:
    headers = BYTES | {"Upload-Offset": str(at)} | {name.replace("_", "-"): value for name, value in more.items()}
    return await client.patch(where, content=data, headers=headers)


async def offset(client: httpx2.AsyncClient, where: str) -> int:
    told = await client.head(where, headers=TUS)
    assert told.status_code == 200
    return int(told.headers["Upload-Offset"])
