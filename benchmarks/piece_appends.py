"""The process that appends pieces to recordings, through the use case or by bare inserts of the same documents."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bson import ObjectId

from benchmarks import in_process
from benchmarks.child import Handle, Job, serve
from benchmarks.raw_sockets import recording
from services.interviews.model import Session, Viewer
from services.recordings.arrivals import Plan

DATABASE = "bench_pieces"


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    async with AsyncExitStack() as held:
        houses: list[in_process.Inside] = []

        async def handle(job: Job) -> Job:
            """The seconds in which all of them have sent all of theirs, and each piece was acknowledged."""
            if not houses:
                house = in_process.opened(job["mongodb_url"], job["redis_url"], DATABASE)
                houses.append(await held.enter_async_context(house))
            side = _ours if job["side"] == "ours" else _bare
            return {"seconds": await side(houses[0], job)}

        yield handle


async def _ours(house: in_process.Inside, job: Job) -> float:
    sessions = [await house.session(f"recorder-{number % 50}") for number in range(job["recorders"])]
    arrivals = house.services.arrivals

    async def append(session: Session, data: bytes) -> None:
        for number in range(job["pieces"]):
            await arrivals.append(begun[session.id], Viewer(session.user_id), number * len(data), _once(data))

    begun = {}
    for session in sessions:
        question = session.questions[0].id
        arrival = await arrivals.begin(session.id, question, Viewer(session.user_id), Plan("bench"))
        begun[session.id] = arrival.part.id
    data, start = recording(job["bytes"]), time.perf_counter()
    await asyncio.gather(*(append(session, data) for session in sessions))
    seconds = time.perf_counter() - start
    await arrivals.close()
    for session in sessions:
        await arrivals.abort(begun[session.id], Viewer(session.user_id))
    return seconds


async def _bare(house: in_process.Inside, job: Job) -> float:
    """A document for each piece, as it would be written by who wants no more than that it is durable."""
    pieces, data = house.database["bare_pieces"], recording(job["bytes"])
    await pieces.create_index([("recording", 1), ("offset", 1)], unique=True)

    async def insert(recording: ObjectId) -> None:
        for number in range(job["pieces"]):
            place = {"recording": recording, "offset": number * len(data)}
            await pieces.insert_one({**place, "size": len(data), "data": data})

    start = time.perf_counter()
    await asyncio.gather(*(insert(ObjectId()) for _ in range(job["recorders"])))
    seconds = time.perf_counter() - start
    await pieces.delete_many({})
    return seconds


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


if __name__ == "__main__":
    serve(opened)
