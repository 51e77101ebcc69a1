"""The process that keeps many slow uploads in flight."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from benchmarks.child import Handle, Job, serve
from benchmarks.wire import Wire, form, questions, recording

PIECE = 16 * 1024
TRICKLE = 1024
EVERY = 0.25


async def upload(job: Job) -> Job:
    """Begin `count` uploads, send a good part of each within `arriving` seconds, trickle, then end all."""
    paths = await questions(job["url"], job["token"], job["count"])
    body = form(recording(job["size"]))
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(job["url"], job["token"])) for _ in paths]
        async with asyncio.TaskGroup() as group:
            for wire, path in zip(wires, paths, strict=True):
                group.create_task(_slowly(wire, path, memoryview(body), job))
    return {}


async def _slowly(wire: Wire, path: str, body: memoryview, job: Job) -> None:
    await wire.announce(path, len(body))
    part = int(len(body) * random.uniform(0.3, 0.6))
    pieces = range(0, part, PIECE)
    for start in pieces:
        await wire.send(body[start : min(start + PIECE, part)])
        await asyncio.sleep(job["arriving"] / len(pieces))
    for _ in range(int(job["trickling"] / EVERY)):
        await wire.send(body[part : part + TRICKLE])
        part += TRICKLE
        await asyncio.sleep(EVERY)
    await wire.send(body[part:])
    await wire.accepted()


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    yield upload


if __name__ == "__main__":
    serve(opened)
