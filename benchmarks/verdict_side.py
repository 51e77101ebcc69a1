"""The process that listens to WAV files as a worker does, and says what it believes of what it heard."""

import logging
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import structlog

from app.config import Settings
from app.weights import find_weights
from benchmarks.child import Handle, Job, serve
from services.adapters.local_speech import LocalSpeech
from services.adapters.silero_activity import SileroActivity
from services.interview import Part, PartId, QuestionId, SessionId, UserId
from services.language import Language
from services.listening import Listening
from services.ports.audio import Audio
from services.ports.speech import Recording
from services.transcript import Transcript


class Files:
    """Audio and Decoder: the id of a part is the path of its WAV file."""

    async def mark(self, id: PartId, status: str) -> None:
        pass

    async def read(self, id: PartId) -> AsyncIterator[bytes]:
        yield Path(id).read_bytes()

    async def decode(self, data: AsyncIterator[bytes]) -> Recording:
        with wave.open(BytesIO(b"".join([piece async for piece in data]))) as sound:
            pcm = sound.readframes(sound.getnframes())
        return Recording(pcm, len(pcm) / 32_000)


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """The first job says with which model."""
    made: list[Listening] = []

    async def listen(job: Job) -> Job:
        if not made:
            made.append(await _listening(job["model"]))
        heard = [await made[0].listen(_part(file)) for file in job["files"]]
        return {"heard": [_answer(transcript) for transcript in heard]}

    yield listen


async def _listening(model: str) -> Listening:
    weights = find_weights(model, Settings().cache_dir)
    engine, files = LocalSpeech(lambda: weights, model, 1, words=True), Files()
    await engine.open()
    return Listening(audio=cast(Audio, files), decoder=files, activity=SileroActivity(), engine=engine)


def _part(file: str) -> Part:
    nobody = {"session_id": SessionId(""), "question_id": QuestionId(""), "user_id": UserId("")}
    return Part(id=PartId(file), take=1, language=Language("en"), **nobody)  # type: ignore[arg-type]


def _answer(transcript: Transcript) -> dict[str, Any]:
    return {"verdict": transcript.verdict, "segments": list(_segments(transcript))}


def _segments(transcript: Transcript) -> Iterator[tuple[str, str | None]]:
    for segment in transcript.segments:
        yield segment.text, segment.verdict


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # answers go where logs go
    serve(opened)
