"""`python -m scripts.hear FILE`: load the speech engine as the settings say, and transcribe one recording with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from app.config import Settings
from app.engines import Engines, lacks, open_engines
from app.environment import settings_or_end
from app.logs import configure_logs
from app.weights import WeightsMissing
from services.errors import Problem
from services.interviews.transcript import Transcript
from services.transcription.ports import Speech


def main(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A recording.")]) -> None:
    """Say what is loaded, where and how fast it is, and what is said in the recording; 1 if that cannot be had."""
    settings = settings_or_end(Settings)
    configure_logs(settings)
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
    recording = await engines.decoder.decode(_all_of(data))
    spans = (await engines.activity.find(recording)).spans
    return await engines.speech.transcribe(Speech(recording, spans))


async def _all_of(data: bytes) -> AsyncIterator[bytes]:
    yield data


if __name__ == "__main__":
    typer.run(main)
