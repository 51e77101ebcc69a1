"""A worker's reading of what is being said right now, wired."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.config import Settings
from app.container import Wiring, interim_texts
from app.engines import Engines
from services.background import Kind
from services.interviews.model import PartId, SessionId
from services.transcription.interim import InterimReading
from services.transcription.listening import Listening


@dataclass(frozen=True, slots=True)
class InterimReader:
    """`freed` says that a job has ended."""

    freed: Callable[[], None]
    close: Callable[[], Awaitable[None]]


def read_interim(
    settings: Settings, wiring: Wiring, engines: Engines, listening: Listening, is_idle: Callable[[], bool]
) -> InterimReader:
    """Read beside the jobs while there are none, until it is closed."""
    texts = interim_texts(settings)
    reading = InterimReading(
        find=wiring.growing.part, read=listening.tail, texts=texts, turn=engines.turn, is_idle=is_idle
    )

    def grown(part: SessionId | None) -> None:
        if part is not None:
            reading.grown(PartId(part))

    tasks = [
        wiring.background.start(Kind.INTERIM, reading.run),
        wiring.background.start(Kind.HINTS, lambda: wiring.grown.listen(grown)),
    ]

    async def close() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await texts.close()

    return InterimReader(reading.freed, close)
