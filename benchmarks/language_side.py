"""The process in which a model hears which language is spoken in WAV files."""

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.config import Settings
from app.weights import find_weights
from benchmarks.child import Handle, Job, serve
from services.adapters.local_speech.whisper import Whisper
from services.adapters.local_speech.windows import Window
from services.interviews.transcript import Span
from services.transcription.ports import Recording

MODEL = "base"


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """A job names files; the answer has what is heard in each."""
    model = Whisper(find_weights(MODEL, Settings().cache_dir), 1)

    async def hear(job: Job) -> Job:
        return {"heard": [_heard(model, Path(file)) for file in job["files"]]}

    yield hear


def _heard(model: Whisper, file: Path) -> dict[str, Any]:
    with wave.open(str(file)) as sound:
        pcm = sound.readframes(sound.getnframes())
    recording = Recording(pcm, len(pcm) / 32_000)
    heard, _ = model.hear(recording, Window((Span(0.0, recording.duration),)))
    return {"probabilities": dict(heard.probabilities), "seconds": heard.seconds}


if __name__ == "__main__":
    serve(opened)
