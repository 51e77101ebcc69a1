"""The process that listens to WAV files as a worker does, and says what it believes of what it heard."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks import hearing
from benchmarks.child import Handle, Job, serve
from services.interviews.transcript import Transcript
from services.transcription.listening import Listening


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """The first job says with which model."""
    made: list[Listening] = []

    async def listen(job: Job) -> Job:
        if not made:
            made.append(await hearing.opened(job["model"]))
        heard = [await made[0].listen_through(hearing.part(file)) for file in job["files"]]
        return {"heard": [_answer(transcript) for transcript in heard]}

    yield listen


def _answer(transcript: Transcript) -> dict[str, Any]:
    return {"verdict": transcript.verdict, "segments": list(_segments(transcript))}


def _segments(transcript: Transcript) -> Iterator[tuple[str, str | None]]:
    for segment in transcript.segments:
        yield segment.text, segment.verdict


if __name__ == "__main__":
    hearing.hush()
    serve(opened)
