"""Listening to WAV files as a worker does: voice activity, local engine, second readings, verdicts."""

import logging
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import cast

import structlog

from app.config import Settings
from app.weights import find_weights
from benchmarks.decoded import Decoded
from services.adapters.local_speech import LocalSpeech
from services.adapters.silero_activity import SileroActivity
from services.interviews.language import Language
from services.interviews.model import Part, PartId, QuestionId, SessionId, UserId
from services.recordings.ports.audio import Audio
from services.transcription.listening import Listening
from services.transcription.ports import START, Place, Recording, Sound, Source

LANGUAGE = Language("en")


class Files:
    """Audio and Decoder: the id of a part is the path of its WAV file."""

    async def mark(self, id: PartId, status: str) -> None:
        pass

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        yield Path(id).read_bytes()[start:]

    async def decode(self, data: AsyncIterator[bytes], *, most_seconds: float | None = None) -> Recording:
        with wave.open(BytesIO(b"".join([piece async for piece in data]))) as sound:
            pcm = sound.readframes(sound.getnframes())
        return Recording(pcm, len(pcm) / 32_000)

    @asynccontextmanager
    async def listen(self, source: Source, place: Place = START) -> AsyncIterator[Sound]:
        yield Decoded(await self.decode(source.read(0)), place)


async def opened(model: str, slots: int = 1) -> Listening:
    """With its model loaded, and times of single words."""
    weights = find_weights(model, Settings().cache_dir)
    engine, files = LocalSpeech(lambda: weights, model, slots, words=True), Files()
    await engine.open()
    return Listening(audio=cast(Audio, files), decoder=files, activity=SileroActivity(), engine=engine)


def part(file: str) -> Part:
    """An answer whose recording is this file."""
    nobody = {"session_id": SessionId(""), "question_id": QuestionId(""), "user_id": UserId("")}
    return Part(id=PartId(file), take=1, language=LANGUAGE, **nobody)  # type: ignore[arg-type]


def hush() -> None:
    """Keep the log off standard output, where the answers go."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
