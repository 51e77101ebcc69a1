"""A speech API that answers at once, with about as many words as fit: no model's memory or time is in any figure.

Run by `uvicorn --factory benchmarks.quick_speech:create_app`. `GET /seconds` gives the length of all sound so far;
between `POST /hold` and `POST /go` no call is answered.
"""

import asyncio
from itertools import count
from typing import Annotated

from fastapi import FastAPI, Form, UploadFile

RATE = 16_000
# Where a FLAC file says how many samples it has: 36 bits, behind "fLaC" and the head of its first block.
SAMPLES = slice(21, 26)
MOST_SAMPLES = (1 << 36) - 1


def create_app() -> FastAPI:
    app = FastAPI()
    heard: list[float] = []
    numbers, free = count(1), asyncio.Event()
    free.set()

    @app.post("/v1/audio/transcriptions")
    async def transcribe(file: UploadFile, model: Annotated[str, Form()]) -> dict[str, str]:
        seconds = seconds_of(await file.read(SAMPLES.stop))
        heard.append(seconds)
        await free.wait()
        return {"text": " ".join(f"word{next(numbers)}" for _ in range(round(seconds)))}

    @app.get("/seconds")
    async def told() -> float:
        return sum(heard)

    @app.post("/hold")
    async def hold() -> None:
        free.clear()

    @app.post("/go")
    async def go() -> None:
        free.set()

    return app


def seconds_of(head: bytes) -> float:
    """How long a FLAC file is, by its first bytes."""
    return (int.from_bytes(head[SAMPLES], "big") & MOST_SAMPLES) / RATE
