"""The process that keeps many slow uploads in flight, each as fast as a recorder gives its bytes."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle

from benchmarks.child import Handle, Job, serve
from benchmarks.files import open_many
from benchmarks.raw_sockets import Target, Wire, form, questions, recording

PIECES_A_SECOND = 4


async def upload(job: Job) -> Job:
    """Begin `count` uploads within `arriving` seconds and keep so many in flight for `holding` more.

    Each sends `rate` bytes a second and lasts `shortest` to `longest` seconds; when one is accepted the next begins.
    What is in flight at the end is broken off.
    """
    targets = cycle(await questions(job["url"], job["secret"], job["count"]))
    accepted = [0]
    lanes = [
        asyncio.create_task(_lane(targets, job, job["arriving"] * number / job["count"], accepted))
        for number in range(job["count"])
    ]
    done, _ = await asyncio.wait(lanes, timeout=job["arriving"] + job["holding"], return_when=asyncio.FIRST_EXCEPTION)
    for lane in lanes:
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    for lane in done:
        lane.result()
    return {"accepted": accepted[0]}


async def _lane(targets: Iterator[Target], job: Job, after: float, accepted: list[int]) -> None:
    await asyncio.sleep(after)
    with Wire(job["url"]) as wire:
        while True:
            seconds = random.uniform(job["shortest"], job["longest"])
            await _slowly(wire, next(targets), recording(int(job["rate"] * seconds)), job["rate"])
            accepted[0] += 1


async def _slowly(wire: Wire, target: Target, data: bytes, rate: float) -> None:
    body, piece = memoryview(form(data)), int(rate / PIECES_A_SECOND)
    await wire.announce(target, len(body))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for number, start in enumerate(range(0, len(body), piece)):
        await wire.send(body[start : start + piece])
        await asyncio.sleep(begin + (number + 1) / PIECES_A_SECOND - loop.time())
    await wire.accepted()


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    open_many()
    yield upload


if __name__ == "__main__":
    serve(opened)
