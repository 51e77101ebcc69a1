"""The process that fills databases and measures what an answer costs in each, taking turns."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from statistics import median
from typing import Any

from pymongo import WriteConcern
from redis.asyncio import Redis

from benchmarks import in_process
from benchmarks.child import Handle, Job, serve
from benchmarks.in_process import ASKED, Inside
from services.adapters.mongo.documents import Document
from services.interviews.model import PartId, UserId, new_part_id

AT_ONCE = 1000
COSTS = ("upload", "status", "claim", "sweep")
HOURS = 24.0
RINGS = "celery"


class Databases:
    """A few databases on one server, each with a house of its own."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._houses: dict[str, Inside] = {}

    async def handle(self, job: Job) -> Job:
        return await (self._filled(job) if job["do"] == "fill" else self._costs(job))

    async def _filled(self, job: Job) -> Job:
        """Bring a database to so many sessions whose answers are transcribed, and so many answers that wait."""
        name, redis_url = job["database"], f"{job['redis_url']}/{len(self._houses) + 1}"
        house = await self._stack.enter_async_context(in_process.opened(job["mongodb_url"], redis_url, name))
        self._houses[name] = house
        await _copied(house, await _completed(house), job["sessions"])
        await _copied(house, await _waiting(house), -(-job["queued"] // len(ASKED)))
        async with Redis.from_url(redis_url) as redis:
            await redis.lpush(RINGS, *["{}"] * job["queued"])
        return {}

    async def _costs(self, job: Job) -> Job:
        """The median milliseconds of each step of an answer's way, for each of the databases."""
        spent: dict[str, dict[str, list[float]]] = {name: {cost: [] for cost in COSTS} for name in job["databases"]}
        for number in range(job["count"]):
            for name in job["databases"][:: 1 if number % 2 else -1]:
                await _one_answer(self._houses[name], spent[name])
        return {name: {cost: median(times) for cost, times in found.items()} for name, found in spent.items()}


async def _one_answer(house: Inside, spent: dict[str, list[float]]) -> None:
    session = await house.session(secrets.token_hex(8))
    question = ASKED[0].id
    part = await _timed(spent["upload"], lambda: house.upload(session, question))
    await _timed(spent["status"], lambda: house.status(part))
    claimed = await _timed(spent["claim"], lambda: house.claim(part.id))
    await house.complete(claimed)
    await _timed(spent["sweep"], lambda: house.wiring.sweep.run(HOURS))


async def _timed(times: list[float], act: Callable[[], Awaitable[Any]]) -> Any:
    start = time.perf_counter()
    done = await act()
    times.append(1000 * (time.perf_counter() - start))
    return done


async def _completed(house: Inside) -> list[Document]:
    """The documents of a session whose answers are transcribed and scored, as the house itself writes them."""
    session = await house.session("somebody")
    parts = [await house.upload(session, question.id) for question in session.questions]
    for part in parts:
        await house.complete(await house.claim(part.id))
        await house.wiring.closings.scored(part.id)
    return await _documents(house, [part.id for part in parts], session.id)


async def _waiting(house: Inside) -> list[Document]:
    """The documents of a session whose answers wait for a worker."""
    session = await house.session("somebody")
    parts = [await house.upload(session, question.id) for question in session.questions]
    return await _documents(house, [part.id for part in parts], session.id)


async def _documents(house: Inside, ids: list[PartId], session: Any) -> list[Document]:
    parts = [await house.database["parts"].find_one({"_id": id}) for id in ids]
    return [await house.shown(session), *(part for part in parts if part is not None)]


async def _copied(house: Inside, documents: list[Document], count: int) -> None:
    """Put copies of a session and its parts straight into the database."""
    names = ("interview_sessions", "parts")
    sessions, parts = (house.database[name].with_options(write_concern=WriteConcern(w=1)) for name in names)
    copies = _copies(documents, count)
    while batch := list(islice(copies, AT_ONCE)):
        await sessions.insert_many([copy[0] for copy in batch], ordered=False)
        await parts.insert_many([part for copy in batch for part in copy[1:]], ordered=False)


def _copies(documents: list[Document], count: int) -> Iterator[list[Document]]:
    session, *parts = documents
    for _ in range(count):
        id, user = secrets.token_urlsafe(16), UserId(secrets.token_hex(8))
        ids = [new_part_id() for _ in parts]
        answers = {
            part["question_id"]: {**session["answers"][part["question_id"]], "id": own}
            for part, own in zip(parts, ids, strict=True)
        }
        own = {"user_id": user, "session_id": id}
        copies = [{**part, "_id": part_id, **own} for part, part_id in zip(parts, ids, strict=True)]
        yield [{**session, "_id": id, "user_id": user, "answers": answers}, *copies]


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    async with AsyncExitStack() as stack:
        yield Databases(stack).handle


if __name__ == "__main__":
    serve(opened)
