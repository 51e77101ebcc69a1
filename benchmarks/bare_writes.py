"""The process that does what a worker writes after the engine's last word, and nothing else."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks import in_process
from benchmarks.child import Handle, Job, serve
from benchmarks.in_process import ASKED, TRANSCRIPT
from services.interviews.model import answer_of


async def write(job: Job) -> Job:
    """The milliseconds of the writes until an answer shows its transcript, for each of `count` answers."""
    async with in_process.opened(job["mongodb_url"], job["redis_url"], job["database"]) as house:
        return {"milliseconds": [await _one(house) for _ in range(job["count"])]}


async def _one(house: in_process.Inside) -> float:
    part = await house.upload(await house.session("bare"), ASKED[0].id)
    claimed = await house.claim(part.id)
    rooms = house.wiring
    start = time.perf_counter()
    ended = await rooms.claims.complete(claimed.id, claimed.fence, TRANSCRIPT)
    assert ended is not None
    await rooms.audio.delete(ended.id)
    await rooms.sessions.show(ended.session_id, answer_of(ended, TRANSCRIPT))
    return 1000 * (time.perf_counter() - start)


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    yield write


if __name__ == "__main__":
    serve(opened)
