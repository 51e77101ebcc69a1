"""The process that reads recordings from MongoDB and decodes them, sealed ones and others."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path

from app.config import Settings
from app.keys import key_store
from app.logs import configure_logs
from benchmarks.child import Handle, Job, serve
from services.adapters.av_decoder import AvDecoder
from services.adapters.mongo.audio import GridAudio
from services.adapters.mongo.client import open_client
from services.interviews.model import PartId, new_part_id

DATABASE = "sealed_listening"


class Side:
    """Recordings that are stored one way, and whoever reads them."""

    def __init__(self, audio: GridAudio, decoder: AvDecoder) -> None:
        self._audio = audio
        self._decoder = decoder
        self._ids: list[PartId] = []

    async def store(self, files: list[str]) -> None:
        for file in files:
            id = new_part_id()
            await self._audio.keep(id, Path(file).read_bytes(), {})
            self._ids.append(id)

    async def read(self, count: int) -> float:
        start = time.perf_counter()
        for id in islice(cycle(self._ids), count):
            await self._decoder.decode(self._audio.read(id))
        return time.perf_counter() - start


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    decoder, sides = AvDecoder(600, 50_000_000), dict[bool, Side]()

    async def handle(job: Job) -> Job:
        if "store" not in job:
            return {"seconds": await sides[job["sealed"]].read(job["count"])}
        settings = Settings(mongodb_url=job["mongodb_url"], keyring_dir=job["keyring_dir"], log_level="error")
        configure_logs(settings)  # standard output is for the answers
        database = open_client(settings.mongodb_url, "bench")[DATABASE]
        store = key_store(settings, database)
        await store.begin()
        for sealed, audio in ((True, GridAudio(database, store.sealing)), (False, GridAudio(database))):
            sides[sealed] = Side(audio, decoder)
            await sides[sealed].store(job["store"])
        return {}

    try:
        yield handle
    finally:
        await decoder.close()


if __name__ == "__main__":
    serve(opened)
