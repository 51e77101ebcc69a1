"""The API with recordings that arrive in pieces, and slices of real ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import httpx2

from routes.dependencies import Services
from services.interviews.model import PartId
from services.recordings.arrivals import ArrivalLimits
from tests import audio, browser_recordings
from tests.audio import CLUSTER
from tests.routes.api import Api

RATE = 48_000
SECONDS = 5.0


@dataclass
class Doors(Api):
    limits: ArrivalLimits = field(default_factory=lambda: ArrivalLimits(most_bytes=100_000, most_staged_bytes=50_000))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.house.arrival_limits = self.limits
        self.arrivals = self.house.arrivals

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        async with super().services() as services:
            yield replace(services, arrivals=self.arrivals)

    @property
    def arrived(self) -> list[PartId]:
        """What was begun in pieces, whatever became of it."""
        return [row.part.id for row in self.house.memory.rows.values() if row.arrival is not None]

    def received(self, id: PartId) -> bytes:
        """What has been received, of one that is not finished or that is not listened to yet."""
        pieces = sorted(self.house.memory.pieces.get(id, {}).items())
        return b"".join([*self.house.memory.chunks.get(id, []), *(piece for _, piece in pieces)])

    def stored(self, id: str) -> bytes:
        """What was accepted as the recording."""
        (chunks,) = (data for part, data in self.house.memory.chunks.items() if part == id)
        return b"".join(chunks)


@cache
def recorded() -> tuple[bytes, ...]:
    """A recording as a browser gives it out second by second: a header with the first, no header with the others."""
    whole = browser_recordings.chromium(audio.tone(SECONDS, RATE), RATE)
    head, first, *clusters = whole.split(CLUSTER)
    return head + CLUSTER + first, *(CLUSTER + cluster for cluster in clusters)


@cache
def recorded_anew(count: int = 3) -> tuple[bytes, ...]:
    """A recorder that stops and starts for each slice: each has a header."""
    tones = [audio.tone(1.0, RATE, hertz=220.0 * (number + 1)) for number in range(count)]
    return tuple(browser_recordings.chromium(tone, RATE) for tone in tones)


async def session_of(client: httpx2.AsyncClient, *questions: str) -> str:
    asked = [{"id": id, "text": "?"} for id in questions or ("q1",)]
    answer = await client.post("/api/sessions", json={"questions": asked})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


async def send(
    client: httpx2.AsyncClient, session: str, index: int, data: bytes, **fields: str | int
) -> httpx2.Response:
    """A slice through the first of the doors; the file comes before the fields, as browsers' code appends it."""
    named = {"session_id": session, "chunk_index": str(index), "start_time": str(index * 1.0)}
    form = {**named, **{name: str(value) for name, value in fields.items()}}
    return await client.post("/api/audio/upload-chunk", files={"audio_chunk": ("blob", data)}, data=form)


async def complete(client: httpx2.AsyncClient, session: str, total: int, **more: str) -> httpx2.Response:
    body = {"session_id": session, "total_chunks": total, **more}
    return await client.post("/api/audio/session-complete", json=body)
