"""The process that transcribes files with the engine room alone: no API, no queue, no database."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from app.config import Settings
from app.engines import Engines, open_engines, speech_kind
from benchmarks.child import Handle, Job, in_turns, serve
from services.interviews.language import Language
from services.transcription.ports import Speech

PIECE = 255 * 1024


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """The engines that the worker would have, as many recordings at once as it takes on."""
    settings = Settings()
    engines = open_engines(settings)
    await engines.warm_up()

    async def transcribe(job: Job) -> Job:
        start = time.perf_counter()
        await in_turns(
            [_one(engines, Path(file), job["language"]) for file in job["files"]], speech_kind(settings).in_hand
        )
        return {"seconds": time.perf_counter() - start}

    yield transcribe
    await engines.close()


def _one(engines: Engines, file: Path, language: str) -> Callable[[int], Awaitable[None]]:
    async def transcribe(_: int) -> None:
        recording = await engines.decoder.decode(_bytes(file))
        spans = (await engines.activity.find(recording)).spans
        if spans:
            await engines.speech.transcribe(Speech(recording, spans, language=Language(language)))

    return transcribe


async def _bytes(file: Path) -> AsyncIterator[bytes]:
    data = file.read_bytes()
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


if __name__ == "__main__":
    serve(opened)
