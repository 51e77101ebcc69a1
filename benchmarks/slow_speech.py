"""A speech API that takes its time: OpenAI's wire format, and the same answer to everybody after so many seconds.

Run by `uvicorn --factory benchmarks.slow_speech:create_app`. `GET /calls` gives the times of all calls so far.
"""

import asyncio
import time
from typing import Annotated

from fastapi import FastAPI, Form, UploadFile

SECONDS = 5.0
TEXT = "I split the work into small steps, and I measured each of them before I went on."


def create_app() -> FastAPI:
    app = FastAPI()
    calls: list[tuple[float, float]] = []

    @app.post("/v1/audio/transcriptions")
    async def transcribe(file: UploadFile, model: Annotated[str, Form()]) -> dict[str, str]:
        begin = time.time()
        await asyncio.sleep(SECONDS)
        calls.append((begin, time.time()))
        return {"text": TEXT}

    @app.get("/calls")
    async def told() -> list[tuple[float, float]]:
        return calls

    return app
