"""The process that listens to thousands of event streams, and changes answers as a worker does."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from app.config import Settings
from app.container import Wiring, wire
from app.jobs import make_celery
from benchmarks.child import Handle, Job, serve
from benchmarks.files import open_many
from benchmarks.raw_sockets import QUESTIONS, Target, questions
from services.adapters.mongo.client import open_client
from services.interviews.model import Answer, PartId, QuestionId, SessionId, Status

NUMBER = re.compile(rb"^id: (\d+)", re.MULTILINE)
TAKE = count(1)
MOST_OPENING = 50
PATIENCE_SECONDS = 240.0


@dataclass
class Crowd:
    """Who listens, and who has been told what."""

    listeners: list["Listener"] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    others: list[Target] = field(default_factory=list)

    async def until(self, number: int) -> None:
        """Wait until everybody has been told this number."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(listener.number < number for listener in self.listeners):
                await asyncio.sleep(0.005)


class Listener(asyncio.Protocol):
    """One event stream: the newest number, and when it came."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.number = -1
        self.at = 0.0
        self._unread = b""

    def connection_made(self, transport: Any) -> None:
        lines = (
            f"GET /api/sessions/{self.target.session}/events HTTP/1.1",
            "Host: bench",
            "Accept: text/event-stream",
            f"Authorization: Bearer {self.target.token}",
        )
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        whole, _, self._unread = (self._unread + data).rpartition(b"\n\n")
        for found in NUMBER.finditer(whole):
            self.number, self.at = int(found[1]), asyncio.get_running_loop().time()


async def _open(crowd: Crowd, job: Job) -> Job:
    """So many listeners, shared out among so many sessions."""
    made = await questions(job["url"], job["secret"], 2 * job["sessions"] * QUESTIONS)
    firsts = made[::QUESTIONS]
    crowd.targets, crowd.others = firsts[: job["sessions"]], firsts[job["sessions"] :]
    crowd.listeners = [Listener(crowd.targets[n % job["sessions"]]) for n in range(job["listeners"])]
    loop, address, opening = asyncio.get_running_loop(), urlsplit(job["url"]), asyncio.Semaphore(MOST_OPENING)

    async def connect(listener: Listener) -> None:
        async with opening:
            await loop.create_connection(lambda: listener, address.hostname or "", address.port or 80)
            while listener.number < 0:
                await asyncio.sleep(0.005)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*map(connect, crowd.listeners))
    return {"open": len(crowd.listeners)}


async def _change(crowd: Crowd, wiring: Wiring, *, heard: bool) -> Job:
    """One change in each session that is listened to, until all have been told; or in as many others."""
    loop, take = asyncio.get_running_loop(), next(TAKE)
    number = crowd.listeners[0].number + 1
    begun, confirmed = loop.time(), dict[str, float]()

    async def show(target: Target) -> None:
        answer = Answer(
            question_id=QuestionId(target.question), take=take, rev=1, part_id=PartId("a" * 24), status=Status.QUEUED
        )
        await wiring.sessions.show(SessionId(target.session), answer)
        confirmed[target.session] = loop.time()

    await asyncio.gather(*map(show, crowd.targets if heard else crowd.others))
    if not heard:
        return {"seconds": loop.time() - begun}
    await crowd.until(number)
    delays = [max(0.0, listener.at - confirmed[listener.target.session]) for listener in crowd.listeners]
    return {"seconds": max(listener.at for listener in crowd.listeners) - begun, "delays": delays}


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    open_many()
    crowd, houses = Crowd(), list[Wiring]()

    async def handle(job: Job) -> Job:
        if job["do"] == "open":
            settings = Settings(
                mongodb_url=job["mongodb_url"],
                mongodb_database=job["database"],
                redis_url=job["redis_url"],
                encrypt_recordings=False,
            )
            client = open_client(settings.mongodb_url)
            houses.append(wire(settings, client[settings.mongodb_database], make_celery(settings)))
            return await _open(crowd, job)
        return await _change(crowd, houses[-1], heard=job["heard"])

    yield handle


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    serve(opened)
