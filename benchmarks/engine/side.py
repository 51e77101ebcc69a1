"""The process that transcribes WAV files: as a worker of ours does, or with faster-whisper called directly."""

import asyncio
import os
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from app.config import Settings
from app.weights import find_weights
from benchmarks import hearing
from benchmarks.child import Handle, Job, in_turns, serve
from services.interviews.transcript import Transcript

THEIRS: dict[str, dict[str, Any]] = {
    "default": {"vad_filter": True},
    "greedy": {"vad_filter": True, "beam_size": 1, "condition_on_previous_text": False},
}

Piece = tuple[str, float, float]
Heard = tuple[str, list[Piece]]
Transcribe = Callable[[str], Awaitable[Heard]]


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    """The first job says which cores this process has; each says which side it is, `ours` or one of THEIRS."""
    sides: dict[tuple[str, str], Transcribe] = {}

    async def transcribe(job: Job) -> Job:
        side = job["side"], job["model"]
        if not sides:
            _keep_to(job["cores"], job.get("skip", 0))
        if side not in sides:
            sides[side] = await _side(*side, job["cores"])
            await sides[side](job["files"][0])
        return await _timed(sides[side], job["files"], job["at_once"])

    yield transcribe


async def _timed(side: Transcribe, files: list[str], at_once: int) -> Job:
    """What is said in each, also in pieces with their times, and what it took."""
    heard: list[Heard] = [("", [])] * len(files)
    start, processor = time.perf_counter(), time.process_time()

    def one(number: int) -> Callable[[int], Awaitable[None]]:
        async def read(_: int) -> None:
            heard[number] = await side(files[number])

        return read

    await in_turns([one(number) for number in range(len(files))], at_once)
    taken = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
    return {**taken, "texts": [text for text, _ in heard], "pieces": [pieces for _, pieces in heard]}


async def _side(name: str, model: str, cores: int) -> Transcribe:
    return await _ours(model, cores) if name == "ours" else _theirs(name, model, cores)


async def _ours(model: str, cores: int) -> Transcribe:
    listening = await hearing.opened(model, cores)

    async def transcribe(file: str) -> Heard:
        transcript = await listening.listen_through(hearing.part(file))
        return transcript.text, list(_pieces(transcript))

    return transcribe


def _pieces(transcript: Transcript) -> Iterator[Piece]:
    for segment in transcript.segments:
        if segment.text:
            yield from ((one.text, one.start, one.end) for one in segment.words or [segment])


def _theirs(name: str, model: str, cores: int) -> Transcribe:
    library = _library(model, cores)

    def heard(file: str) -> Heard:
        segments, _ = library.transcribe(_sound(Path(file)), language=str(hearing.LANGUAGE), **THEIRS[name])
        pieces = [(segment.text.strip(), segment.start, segment.end) for segment in segments]
        return " ".join(text for text, _, _ in pieces), pieces

    async def transcribe(file: str) -> Heard:
        return await asyncio.to_thread(heard, file)

    return transcribe


@lru_cache
def _library(model: str, cores: int) -> WhisperModel:
    weights = find_weights(model, Settings().cache_dir)
    return WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=cores)


def _keep_to(cores: int, skip: int) -> None:
    """Hold every thread, those to come too, on so many processors, after so many others."""
    if not hasattr(os, "sched_setaffinity"):
        return
    chosen = sorted(os.sched_getaffinity(0))[skip : skip + cores]
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), chosen)


def _sound(file: Path) -> NDArray[np.float32]:
    with wave.open(str(file)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), np.int16).astype(np.float32) / np.float32(32_768)


if __name__ == "__main__":
    hearing.hush()
    serve(opened)
