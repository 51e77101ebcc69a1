"""A model that nobody needs for a while gives its memory back."""

import asyncio

from services.adapters.local_speech.engine import LocalSpeech
from services.interviews.transcript import Transcript
from services.transcription.ports import Speech


class IdleSpeech:
    """A LocalSpeech that lets go of its model so many seconds after its last recording."""

    def __init__(self, engine: LocalSpeech, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._in_work = 0
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        await self._engine.open()
        if not self._in_work:
            self._wait()

    async def close(self) -> None:
        self._stop()
        await self._engine.close()

    async def transcribe(self, speech: Speech) -> Transcript:
        self._stop()
        self._in_work += 1
        try:
            return await self._engine.transcribe(speech)
        finally:
            self._in_work -= 1
            if not self._in_work:
                self._wait()

    def _wait(self) -> None:
        self._stop()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._engine.forget)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
