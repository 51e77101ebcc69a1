"""EventStreams, on real processes: one cursor over three transports, and what breaks under it."""

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.config import Settings
from app.container import Wiring, wire
from app.guarded_ws import MOST_BYTES_IN_ALL, MOST_MESSAGES
from app.jobs import make_celery
from services.adapters.mongo.client import open_client
from services.interviews.model import Answer, Evaluation, Mark, PartId, QuestionId, SessionId, Status, UserId, Viewer
from tests import audio, servers
from tests.hostile.served import Served, serve

DROPS = 50
QUESTIONS = [f"q{number}" for number in range(6)]
ALICE = Viewer(UserId("alice"))
LIFE = (Status.QUEUED, Status.PROCESSING, Status.QUEUED, Status.PROCESSING, Status.COMPLETED)
SECONDS = 60.0
WEBM = audio.encoded("webm", 0.5)


@dataclass
class Client:
    """A frontend: it knows a number, and what the answers are; it changes its transport whenever its line is cut."""

    api: Served
    session: str
    cursor: int | None = None
    snapshots: int = 0
    numbers: list[int] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/api/sessions/{self.session}/events"

    def take(self, one: dict[str, Any]) -> None:
        if one["type"] == "snapshot":
            self.snapshots += 1
            self.states = {id: answer["status"] for id, answer in one["answers"].items()}
        else:
            assert one["id"] == (self.cursor or 0) + 1, (one, self.cursor)
            self.numbers.append(one["id"])
            self.states[one["question_id"]] = one["status"]
        self.cursor = one["id"]

    async def listen(self, transport: str, most: int) -> None:
        """Take so much by this transport, then drop the line."""
        taken = 0
        async with asyncio.timeout(SECONDS), self._opened(transport) as arriving:
            async for one in arriving:
                self.take(one)
                taken += 1
                if taken == most:
                    return

    @asynccontextmanager
    async def _opened(self, transport: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        if transport == "websocket":
            async with websocket(self.api, self.session, self.cursor) as arriving:
                yield arriving
            return
        async with http(self.api) as client:
            if transport == "poll":
                yield self._polled(client)
                return
            headers = {"Accept": "text/event-stream"}
            headers |= {} if self.cursor is None else {"Last-Event-ID": str(self.cursor)}
            async with client.stream("GET", self.path, headers=headers) as answer:
                assert answer.status_code == 200
                yield streamed(answer)

    async def _polled(self, client: httpx2.AsyncClient) -> AsyncIterator[dict[str, Any]]:
        while True:
            params = {"wait": 1} | ({} if self.cursor is None else {"since": self.cursor})
            body = (await client.get(self.path, params=params)).json()
            for one in ([body["snapshot"]] if body["snapshot"] else []) + body["events"]:
                yield one
            assert self.cursor == body["cursor"]


def bearer(api: Served, user: str = "alice") -> dict[str, str]:
    return {"Authorization": f"Bearer {api.token(user)}"}


def address(api: Served, session: str) -> str:
    return f"ws://127.0.0.1:{api.port}/ws/sessions/{session}"


def http(api: Served) -> httpx2.AsyncClient:
    url = f"http://127.0.0.1:{api.port}"
    return httpx2.AsyncClient(base_url=url, headers=bearer(api), timeout=SECONDS, trust_env=False, verify=False)


async def streamed(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@asynccontextmanager
async def websocket(
    api: Served, session: str, since: int | None = None, *, ticket: str | None = None, user: str | None = "alice"
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    query = "&".join(f"{k}={v}" for k, v in (("since", since), ("ticket", ticket)) if v is not None)
    headers = bearer(api, user) if user else {}
    async with connect(f"{address(api, session)}?{query}", additional_headers=headers, proxy=None) as socket:

        async def arriving() -> AsyncIterator[dict[str, Any]]:
            async for text in socket:
                yield json.loads(text)

        yield arriving()
        socket.transport.abort()  # a line is cut, and says no goodbye


async def closed(api: Served, session: str, **more: Any) -> tuple[int, str]:
    """How a socket is closed that is let nowhere."""
    try:
        async with websocket(api, session, **more) as arriving:
            async for one in arriving:
                raise AssertionError(one)
    except ConnectionClosed as end:
        assert end.rcvd is not None
        return end.rcvd.code, end.rcvd.reason
    raise AssertionError("closed without a code")


@asynccontextmanager
async def worker(api: Served) -> AsyncIterator[Wiring]:
    """The wiring as another process sees it that changes answers."""
    names = ("MONGODB_URL", "MONGODB_DATABASE", "REDIS_URL")
    settings = Settings(**{name.lower(): api.environment[name] for name in names})  # type: ignore[arg-type]
    async with open_client(settings.mongodb_url) as client:
        wiring = wire(settings, client[settings.mongodb_database], make_celery(settings, socket_timeout=1.0))
        try:
            yield wiring
        finally:
            await wiring.close()


def make_session(api: Served) -> str:
    with api.client() as client:
        made = client.post("/api/sessions", json={"questions": [{"id": id, "text": "?"} for id in QUESTIONS]})
        return str(made.json()["session_id"])


async def lives(wiring: Wiring, session: str, question: str, takes: int, pause: Callable[[], float]) -> None:
    """An answer that is recorded again and again, each time through all its states."""
    id, asked = SessionId(session), QuestionId(question)
    for take in range(1, takes + 1):
        answer = Answer(question_id=asked, take=take, rev=0, part_id=PartId("a" * 24), status=Status.QUEUED)
        for rev, status in enumerate(LIFE, 1):
            mark = Mark.PENDING if status is Status.COMPLETED else None
            assert await wiring.sessions.show(id, replace(answer, rev=rev, status=status, mark=mark))
            await asyncio.sleep(pause())
        assert await wiring.sessions.score(id, asked, take, Evaluation(score=50.0, scorer="test"))


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url, MAX_LISTENERS_PER_USER="1000") as served:
        yield served


@pytest.mark.long
async def test_fifty_drops_and_three_transports_miss_and_repeat_nothing(api: Served) -> None:
    chance, session = random.Random(5), make_session(api)
    client = Client(api, session)
    async with worker(api) as wiring:
        changing = asyncio.gather(*(lives(wiring, session, id, 7, lambda: chance.uniform(0, 0.03)) for id in QUESTIONS))
        for drop in range(DROPS):
            await client.listen(("sse", "websocket", "poll")[drop % 3], chance.randint(1, 6))
        await changing
    newest = len(QUESTIONS) * 7 * (len(LIFE) + 1)
    while client.cursor != newest:
        await client.listen(chance.choice(["sse", "websocket", "poll"]), newest - (client.cursor or 0))
    with api.client() as other:
        snapshot = other.get(client.path).json()["snapshot"]
    assert client.snapshots == 1
    assert client.numbers == list(range(client.numbers[0], newest + 1))
    assert snapshot["id"] == newest
    assert client.states == {id: answer["status"] for id, answer in snapshot["answers"].items()}


@pytest.mark.long
async def test_two_hundred_listeners_are_told_the_same(api: Served) -> None:
    session = make_session(api)
    clients = [Client(api, session) for _ in range(200)]
    newest = 2 * (len(LIFE) + 1)
    async with worker(api) as wiring:
        transports = ["sse"] * 140 + ["websocket"] * 40 + ["poll"] * 20
        listening = [
            asyncio.create_task(client.listen(transport, newest + 1))
            for client, transport in zip(clients, transports, strict=True)
        ]
        await all_begun(clients)
        await lives(wiring, session, "q0", 2, lambda: 0.0)
        await asyncio.gather(*listening)
    assert {tuple(client.numbers) for client in clients} == {tuple(range(1, newest + 1))}


async def test_sockets_are_told_why_they_are_closed(api: Served) -> None:
    session, other = make_session(api), make_session(api)
    with api.client() as client:
        ticket = client.post(f"/api/sessions/{session}/tickets").json()["ticket"]
    async with websocket(api, session, ticket=ticket, user=None) as arriving:
        assert (await anext(arriving))["type"] == "snapshot"
    bad = (4401, "unauthenticated")
    assert await closed(api, session, user=None) == bad
    assert await closed(api, session, user=None, ticket="x") == bad
    assert await closed(api, other, user=None, ticket=ticket) == bad
    assert await closed(api, session, user="bob") == await closed(api, "nowhere") == (4404, "session_not_found")
    for since in ("x", "-1", str(2**53), "9" * 50):
        assert await closed(api, session, since=since) == (4400, "invalid_request")
    ids = {"session_id": session}
    older = [{"$set": {"issued_at": {"$subtract": ["$$NOW", 61_000]}}}]
    assert api.database["tickets"].update_many(ids, older).modified_count == 1
    assert await closed(api, session, user=None, ticket=ticket) == bad


async def test_what_a_client_sends_is_thrown_away(api: Served) -> None:
    session = make_session(api)
    url = address(api, session)
    async with worker(api) as wiring, connect(url, additional_headers=bearer(api), proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "snapshot"
        for _ in range(MOST_MESSAGES - 1):
            await socket.send("x" * 100)
        await lives(wiring, session, "q0", 1, lambda: 0.0)
        assert [json.loads(await socket.recv())["id"] for _ in range(6)] == [1, 2, 3, 4, 5, 6]
        await socket.send("x" * 5000)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), SECONDS)
        assert socket.close_code == 1009


async def test_who_goes_on_sending_is_hung_up_on(api: Served) -> None:
    session = make_session(api)
    url = address(api, session)
    sockets = [await connect(url, additional_headers=bearer(api), proxy=None) for _ in range(2)]
    for socket in sockets:
        assert json.loads(await socket.recv())["type"] == "snapshot"
    for _ in range(MOST_MESSAGES + 1):
        await sockets[0].send("")
    for _ in range(MOST_BYTES_IN_ALL):
        with suppress(ConnectionClosed):
            await sockets[1].ping()
    for socket in sockets:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), SECONDS)
    assert sockets[0].close_code == 1008


@pytest.mark.long
async def test_without_valkey_everybody_has_everything(mongodb_url: str, tmp_path: Path) -> None:
    for name in ("valkey", "api"):
        (tmp_path / name).mkdir()
    with ExitStack() as valkey:
        url = valkey.enter_context(servers.valkey(tmp_path / "valkey"))
        with serve(tmp_path / "api", mongodb_url, url) as api:
            clients = {transport: Client(api, make_session(api)) for transport in ("sse", "websocket", "poll")}
            newest = len(LIFE) + 1
            listening = [asyncio.create_task(c.listen(t, newest + 1)) for t, c in clients.items()]
            await all_begun(clients.values())
            valkey.close()
            async with worker(api) as wiring:
                for client in clients.values():
                    await lives(wiring, client.session, "q0", 1, lambda: 0.0)
            await asyncio.gather(*listening)
            assert {tuple(client.numbers) for client in clients.values()} == {tuple(range(1, newest + 1))}


async def test_a_stop_ends_what_listens_and_lets_an_upload_finish(
    mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    with serve(tmp_path, mongodb_url, redis_url) as api:
        session, told = make_session(api), asyncio.Event()
        streams = [Client(api, session) for _ in range(20)]
        listening = [asyncio.create_task(client.listen("sse", 99)) for client in streams]
        uploading = asyncio.create_task(uploaded(api, session, told))
        await all_begun(streams)
        async with asyncio.timeout(SECONDS):
            while not api.database["parts"].count_documents({"state": "uploading"}):
                await asyncio.sleep(0.02)
        os.kill(api.process.pid, signal.SIGTERM)
        await asyncio.gather(*listening)
        told.set()
        answer = await uploading
        assert answer.status_code == 202, answer.text
        await asyncio.to_thread(api.process.wait, 60)


async def test_a_stop_says_goodbye_to_sockets(mongodb_url: str, redis_url: str, tmp_path: Path) -> None:
    with serve(tmp_path, mongodb_url, redis_url) as api:
        clients = [Client(api, make_session(api)) for _ in range(5)]
        talking = [asyncio.create_task(closed_at_last(client)) for client in clients]
        await all_begun(clients)
        os.kill(api.process.pid, signal.SIGTERM)
        assert {await talk for talk in talking} == {(1001, "the server stops")}
        await asyncio.to_thread(api.process.wait, 60)


async def all_begun(clients: Iterable[Client]) -> None:
    async with asyncio.timeout(SECONDS):
        while any(client.cursor is None for client in clients):
            await asyncio.sleep(0.05)


async def closed_at_last(client: Client) -> tuple[int | None, str | None]:
    """How a socket is closed that has listened to the end."""
    async with connect(
        address(client.api, client.session), additional_headers=bearer(client.api), proxy=None
    ) as socket:
        async for text in socket:
            client.take(json.loads(text))
    return socket.close_code, socket.close_reason


async def uploaded(api: Served, session: str, told: asyncio.Event) -> httpx2.Response:
    """An upload of which the second half arrives once this is told."""
    recording = WEBM + bytes(1_400_000)  # more than is waited for as a whole
    head = b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n'

    async def body() -> AsyncIterator[bytes]:
        yield head + recording[:700_000]
        await told.wait()
        yield recording[700_000:] + b"\r\n--x--\r\n"

    async with http(api) as client:
        path, headers = f"/api/upload-answer/{session}/q1", {"Content-Type": "multipart/form-data; boundary=x"}
        return await client.post(path, content=body(), headers=headers)
