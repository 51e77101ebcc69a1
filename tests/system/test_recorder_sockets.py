"""A recording over WebSockets and in slices, on real processes: what is acknowledged stays, whatever breaks."""

import asyncio
import hashlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.guarded_ws import MOST_BYTES_IN_ALL, MOST_FRAME_BYTES
from tests import audio, browser_recordings
from tests.hostile.served import Served, serve

RATE = 48_000
SECONDS = 60.0
RECORDING = browser_recordings.chromium(audio.noise(40.0, RATE), RATE)


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url) as served:
        yield served


def make_session(api: Served) -> str:
    with api.client() as client:
        made = client.post("/api/sessions", json={"questions": [{"id": "q1", "text": "?"}]})
        return str(made.json()["session_id"])


@dataclass
class Recorder:
    """A client that keeps what is not acknowledged, and goes on where it is told."""

    api: Served
    session: str
    path: str = "/ws/audio"
    upload_id: str | None = None
    acknowledged: int = 0

    @asynccontextmanager
    async def socket(self, **query: str) -> AsyncIterator[ClientConnection]:
        named = query | ({"upload_id": self.upload_id} if self.upload_id else {})
        address = f"ws://127.0.0.1:{self.api.port}{self.path}/{self.session}?" + "&".join(
            f"{name}={value}" for name, value in named.items()
        )
        headers = {"Authorization": f"Bearer {self.api.token()}"}
        async with asyncio.timeout(SECONDS), connect(address, additional_headers=headers, proxy=None) as socket:
            yield socket

    async def told(self, socket: ClientConnection) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(await socket.recv())
        if said["type"] in ("ready", "begun"):
            self.upload_id = said["upload_id"] or self.upload_id
        if said["type"] in ("ready", "ack"):
            assert said["offset"] >= self.acknowledged, (said, self.acknowledged)
            self.acknowledged = said["offset"]
        return said

    async def ready(self, socket: ClientConnection) -> int:
        said = await self.told(socket)
        assert said["type"] == "ready", said
        return int(said["offset"])

    async def send(self, socket: ClientConnection, data: bytes, until: int, size: int) -> None:
        """In frames of this size, up to this byte, and until all of it is acknowledged."""
        at = self.acknowledged
        while at < until:
            end = min(at + size, until)
            await socket.send(data[at:end])
            at = end
        while self.acknowledged < until:
            await self.told(socket)

    async def end(self, socket: ClientConnection, size: int) -> dict[str, Any]:
        await socket.send(json.dumps({"type": "end", "bytes": size}))
        while (said := await self.told(socket))["type"] != "complete":
            assert said["type"] == "ack", said
        return said


@pytest.mark.long
async def test_a_socket_that_breaks_again_and_again_loses_nothing(api: Served) -> None:
    chance, recorder = random.Random(3), Recorder(api, make_session(api))
    while recorder.acknowledged < len(RECORDING):
        async with recorder.socket() as socket:
            assert await recorder.ready(socket) >= recorder.acknowledged
            until = min(len(RECORDING), recorder.acknowledged + chance.randint(1, 60_000))
            await recorder.send(socket, RECORDING, until, chance.choice([700, 6_144, 300_000]))
            with suppress(ConnectionClosed):  # what is on its way may have come or not
                await socket.send(RECORDING[recorder.acknowledged : recorder.acknowledged + 5_000])
            socket.transport.abort()
    async with recorder.socket() as socket:
        await recorder.ready(socket)
        done = await recorder.end(socket, len(RECORDING))
    assert (done["take"], done["bytes"]) == (1, len(RECORDING))
    assert done["sha256"] == hashlib.sha256(RECORDING).hexdigest()
    assert api.database["parts"].count_documents({"session_id": recorder.session}) == 1


@pytest.mark.long
async def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(
    mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Two processes serve one recorder in turns."""
    with serve(tmp_path, mongodb_url, redis_url, API_PROCESSES="1") as first:
        recorder = Recorder(first, make_session(first))
        async with recorder.socket() as socket:
            await recorder.ready(socket)
            await recorder.send(socket, RECORDING, 150_000, 6_144)
            os.kill(first.process.pid, signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                while True:
                    await recorder.told(socket)
        kept = {name: first.environment[name] for name in ("MONGODB_DATABASE", "KEYRING_DIR")}
        with serve(tmp_path, mongodb_url, redis_url, API_PROCESSES="1", **kept) as second:
            recorder.api = second
            async with recorder.socket() as socket:
                assert await recorder.ready(socket) == 150_000
                await recorder.send(socket, RECORDING, len(RECORDING), 6_144)
                done = await recorder.end(socket, len(RECORDING))
            assert done["sha256"] == hashlib.sha256(RECORDING).hexdigest()


@pytest.mark.long
async def test_a_stop_says_goodbye_and_keeps_what_came(mongodb_url: str, redis_url: str, tmp_path: Path) -> None:
    with serve(tmp_path, mongodb_url, redis_url) as api:
        recorder = Recorder(api, make_session(api))
        async with recorder.socket() as socket:
            await recorder.ready(socket)
            await recorder.send(socket, RECORDING, 50_000, 6_144)
            os.kill(api.process.pid, signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (1001, "the server stops")
        await asyncio.to_thread(api.process.wait, 60)
        assert sum(piece["size"] for piece in api.database["pieces"].find()) == 50_000


async def test_what_a_recorder_may_send_is_bounded(api: Served) -> None:
    async def closed(*sent: bytes, pings: int = 0) -> int | None:
        recorder = Recorder(api, make_session(api))
        async with recorder.socket() as socket:
            await recorder.ready(socket)
            with suppress(ConnectionClosed):
                for each in sent:
                    await socket.send(each)
                for _ in range(pings):
                    await socket.ping()
                while True:
                    await asyncio.wait_for(socket.recv(), SECONDS)
            return socket.close_code

    assert await closed(RECORDING + bytes(MOST_FRAME_BYTES)) == 1009
    assert await closed(pings=(MOST_BYTES_IN_ALL + MOST_FRAME_BYTES) // 6) in (1002, 1006)


async def test_a_ticket_opens_it_and_anothers_does_not(api: Served) -> None:
    session, other = make_session(api), make_session(api)
    with api.client() as client:
        ticket = client.post(f"/api/sessions/{session}/tickets").json()["ticket"]
    for there, code in ((session, None), (other, 4401)):
        async with connect(f"ws://127.0.0.1:{api.port}/ws/audio/{there}?ticket={ticket}", proxy=None) as socket:
            said = json.loads(await socket.recv())
            assert (said["type"] == "ready") == (code is None)
            if code is not None:
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
                assert socket.close_code == code


async def test_slices_in_any_order_from_several_at_once_are_the_recording(api: Served) -> None:
    session, head, *clusters = make_session(api), *RECORDING.split(audio.CLUSTER)
    slices = [head + audio.CLUSTER + clusters[0], *(audio.CLUSTER + cluster for cluster in clusters[1:])]
    order = list(range(len(slices))) * 2
    random.Random(5).shuffle(order)
    headers = {"Authorization": f"Bearer {api.token()}"}
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{api.port}", headers=headers, timeout=SECONDS, trust_env=False
    ) as client:

        async def send(index: int) -> httpx2.Response:
            form = {"session_id": session, "chunk_index": str(index), "start_time": str(index)}
            return await client.post("/api/audio/upload-chunk", files={"audio_chunk": ("b", slices[index])}, data=form)

        early = await client.post("/api/audio/session-complete", json={"session_id": session, "total_chunks": 1})
        assert early.status_code == 404
        at_once = asyncio.Semaphore(8)

        async def sent(index: int) -> None:
            async with at_once:
                answer = await send(index)
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*map(sent, order[: len(order) - 5]))
        await asyncio.gather(*map(sent, order))
        body = {"session_id": session, "total_chunks": len(slices)}
        done = await client.post("/api/audio/session-complete", json=body)
        assert done.status_code == 202, done.text
        assert done.json()["sha256"] == hashlib.sha256(RECORDING).hexdigest()
        assert (await client.post("/api/audio/session-complete", json=body)).json() == done.json()
    assert api.database["parts"].count_documents({"session_id": session}) == 1
    assert api.database["slices"].count_documents({"block": {"$gte": 0}}) == 0
