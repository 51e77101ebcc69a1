"""The process that uploads over HTTP as fast as it is taken: to our API, or to one that knows no sessions."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

from benchmarks.child import Handle, Job, in_turns, serve
from benchmarks.raw_sockets import Target, Wire, form, questions, recording, unknown_questions


async def upload(job: Job, targets: list[Target]) -> Job:
    """Upload `count` files of `size` bytes, `at_once` at a time; how long that took."""
    body = form(recording(job["size"]))
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(job["url"])) for _ in range(job["at_once"])]
        start = time.perf_counter()
        await in_turns([_one(wires, target, body) for target in targets], job["at_once"])
        return {"seconds": time.perf_counter() - start}


async def _targets(job: Job) -> list[Target]:
    if not job.get("has_sessions", True):
        return unknown_questions(job["secret"], job["count"])
    return await questions(job["url"], job["secret"], job["count"])


def _one(wires: list[Wire], target: Target, body: bytes) -> Callable[[int], Awaitable[None]]:
    return lambda lane: wires[lane].upload(target, body)


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """A job that only `prepares` makes the questions for the next one, which are not counted with its uploads."""
    made: list[Target] = []

    async def handle(job: Job) -> Job:
        targets, made[:] = list(made) or await _targets(job), []
        if not job.get("prepares"):
            return await upload(job, targets)
        made[:] = targets
        return {}

    yield handle


if __name__ == "__main__":
    serve(opened)
