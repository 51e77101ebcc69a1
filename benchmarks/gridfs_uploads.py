"""The process that puts the same bytes into GridFS by the driver's own upload."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from gridfs.asynchronous import AsyncGridFSBucket
from pymongo import AsyncMongoClient

from benchmarks.child import Handle, Job, in_turns, serve
from benchmarks.raw_sockets import recording


async def upload(job: Job) -> Job:
    """Store `count` files of `size` bytes, `at_once` at a time; how long that took."""
    data = recording(job["size"])
    async with AsyncMongoClient[dict[str, Any]](job["mongodb_url"], w="majority", journal=True) as client:
        bucket = AsyncGridFSBucket(client[job["database"]])
        await in_turns([_one(bucket, data) for _ in range(job["at_once"])], job["at_once"])
        start = time.perf_counter()
        await in_turns([_one(bucket, data) for _ in range(job["count"])], job["at_once"])
        return {"seconds": time.perf_counter() - start}


def _one(bucket: Any, data: bytes) -> Callable[[int], Awaitable[None]]:
    async def store(_: int) -> None:
        await bucket.upload_from_stream("a.webm", data)

    return store


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    yield upload


if __name__ == "__main__":
    serve(opened)
