"""The process that transcribes WAV files with one of the two: our engine, or faster-whisper called directly."""

import asyncio
import os
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

from app.config import Settings
from app.weights import find_weights
from benchmarks.child import Handle, Job, in_turns, serve
from services.adapters.local_speech import LocalSpeech
from services.adapters.silero_activity import SileroActivity
from services.language import Language
from services.ports.speech import Recording, Speech

LANGUAGE = Language("en")

Transcribe = Callable[[Recording], Awaitable[str]]


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """The first job says which side this is, which model, and how many cores it has."""
    sides: list[Transcribe] = []

    async def transcribe(job: Job) -> Job:
        recordings = [_recording(Path(file)) for file in job["files"]]
        if not sides:
            _keep_to(job["cores"], job.get("skip", 0))
            sides.append(await _side(job))
            await sides[0](recordings[0])
        return await _timed(sides[0], recordings, job["at_once"])

    yield transcribe


async def _timed(side: Transcribe, recordings: list[Recording], at_once: int) -> Job:
    texts = [""] * len(recordings)
    start, processor = time.perf_counter(), time.process_time()

    def one(number: int) -> Callable[[int], Awaitable[None]]:
        async def read(_: int) -> None:
            texts[number] = await side(recordings[number])

        return read

    await in_turns([one(number) for number in range(len(recordings))], at_once)
    taken = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
    return {**taken, "texts": texts}


async def _side(job: Job) -> Transcribe:
    weights = find_weights(job["model"], Settings().cache_dir)
    return await _ours(weights, job) if job["side"] == "ours" else _theirs(weights, job)


async def _ours(weights: Path, job: Job) -> Transcribe:
    activity, engine = SileroActivity(), LocalSpeech(lambda: weights, job["model"], job["cores"])
    await engine.open()

    async def transcribe(recording: Recording) -> str:
        spans = (await activity.find(recording)).spans
        return (await engine.transcribe(Speech(recording, spans, LANGUAGE))).text if spans else ""

    return transcribe


def _theirs(weights: Path, job: Job) -> Transcribe:
    model = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=job["cores"])

    def heard(recording: Recording) -> str:
        sound = np.frombuffer(recording.pcm, np.int16).astype(np.float32) / np.float32(32_768)
        segments, _ = model.transcribe(
            sound, language=LANGUAGE, beam_size=1, vad_filter=True, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)

    async def transcribe(recording: Recording) -> str:
        return await asyncio.to_thread(heard, recording)

    return transcribe


def _keep_to(cores: int, skip: int) -> None:
    """Hold every thread, those to come too, on so many processors, after so many others."""
    if not hasattr(os, "sched_setaffinity"):
        return
    chosen = sorted(os.sched_getaffinity(0))[skip : skip + cores]
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), chosen)


def _recording(file: Path) -> Recording:
    with wave.open(str(file)) as sound:
        pcm = sound.readframes(sound.getnframes())
    return Recording(pcm, len(pcm) / 32_000)


if __name__ == "__main__":
    serve(opened)
