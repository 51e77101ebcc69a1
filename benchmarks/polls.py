"""The process that asks for the status of answers at a steady pace, and notes how long each answer takes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.child import Handle, Job, serve
from benchmarks.raw_sockets import Wire, form, questions, recording


async def poll(job: Job) -> Job:
    """After `waiting` seconds, poll `rate` times a second for `seconds`; how long each took, in milliseconds."""
    targets = await questions(job["url"], job["secret"], 5)
    with Wire(job["url"]) as wire:
        for target in targets:
            await wire.upload(target, form(recording(10_000)))
    await asyncio.sleep(job["waiting"])
    with Wire(job["url"]) as wire:
        loop, taken = asyncio.get_running_loop(), []
        begin = loop.time()
        for number in range(int(job["rate"] * job["seconds"])):
            await asyncio.sleep(begin + number / job["rate"] - loop.time())
            start = time.perf_counter()
            await wire.poll(targets[number % len(targets)])
            taken.append(1000 * (time.perf_counter() - start))
    return {"milliseconds": taken}


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    yield poll


if __name__ == "__main__":
    serve(opened)
