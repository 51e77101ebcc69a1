"""The process that uploads to the API as fast as it takes it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

from benchmarks.child import Handle, Job, in_turns, serve
from benchmarks.wire import Wire, form, questions, recording


async def upload(job: Job) -> Job:
    """Upload `count` files of `size` bytes, `at_once` at a time; how long that took."""
    paths = await questions(job["url"], job["token"], job["count"])
    body = form(recording(job["size"]))
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(job["url"], job["token"])) for _ in range(job["at_once"])]
        start = time.perf_counter()
        await in_turns([_one(wires, path, body) for path in paths], job["at_once"])
        return {"seconds": time.perf_counter() - start}


def _one(wires: list[Wire], path: str, body: bytes) -> Callable[[int], Awaitable[None]]:
    return lambda lane: wires[lane].upload(path, body)


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    yield upload


if __name__ == "__main__":
    serve(opened)
