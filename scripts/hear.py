"""`python -m scripts.hear FILE`: load the speech engine as the settings say, and transcribe one recording with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

import typer

from app.config import Settings
from app.engines import Engines, lacks, open_engines
from app.weights import WeightsMissing
from scripts.settings import settings_of_command
from services.errors import Problem
from services.interviews.model import Part, PartId, QuestionId, SessionId, UserId
from services.interviews.transcript import Transcript
from services.recordings.ports.audio import CHUNK_BYTES, Audio
from services.transcription.listening import Heard, Listening
from services.transcription.together import together

NOBODYS = Part(id=PartId(""), session_id=SessionId(""), question_id=QuestionId(""), user_id=UserId(""), take=1)


def main(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A recording.")]) -> None:
    """Say what is loaded, where and how fast it is, and what is said in the recording; 1 if that cannot be had."""
    settings = settings_of_command()
    if missing := lacks(settings):
        raise SystemExit("; ".join(missing))
    try:
        asyncio.run(_heard(settings, file.read_bytes()))
    except (Problem, WeightsMissing) as trouble:
        raise SystemExit(str(trouble)) from None


async def _heard(settings: Settings, data: bytes) -> None:
    engines = open_engines(settings)
    try:
        begun = time.perf_counter()
        await engines.warm_up()
        typer.echo(f"{engines.about()}; ready after {time.perf_counter() - begun:.1f} s")
        begun = time.perf_counter()
        transcript = await _transcript(engines, data)
        seconds = time.perf_counter() - begun
        typer.echo(
            f"{transcript.duration:.1f} s of sound in {seconds:.1f} s, {transcript.duration / seconds:.1f} × real time"
        )
        typer.echo(transcript.text or "(nobody speaks)")
    finally:
        await engines.close()


async def _transcript(engines: Engines, data: bytes) -> Transcript:
    """Stretch by stretch, as a worker does it; how far it is is told after each."""
    listening = Listening(
        audio=cast(Audio, File(data)), decoder=engines.decoder, activity=engines.activity, engine=engines.speech
    )
    heard: list[Heard] = []
    async for one in listening.listen(replace(NOBODYS, bytes=len(data))):
        heard.append(one)
        if not one.is_last:
            typer.echo(f"{one.checkpoint.seconds:.0f} s heard", err=True)
    return together([one.utterance for one in heard], heard[-1].flaws)


class File:
    """The port Audio, as far as listening reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def mark(self, id: PartId, status: str) -> None:
        pass

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        for at in range(start, len(self._data), CHUNK_BYTES):
            yield self._data[at : at + CHUNK_BYTES]


if __name__ == "__main__":
    typer.run(main)
