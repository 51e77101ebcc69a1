"""A test of a microphone: a few seconds are listened to as an answer is, told, and thrown away.

Nothing of it is written down anywhere, and none of its words is logged. Answers go first: a test waits until the
engine has room for it, and whoever asked is told where that does not come soon.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.errors import AudioTooLong, NobodyListens, RecordingAtFault, TranscriptionProblem
from services.interviews.language import Language
from services.interviews.transcript import Transcript, Verdict
from services.transcription.ports import Decoder, Recording

MOST_BYTES = 512 * 1024
MOST_SECONDS = 10.0
LISTEN_SECONDS = 10.0
ROOM_SECONDS = 8.0
AGAIN_SECONDS = 10.0
TOO_LONG = f"A test of the microphone takes at most {MOST_SECONDS:.0f} seconds. Record a shorter one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What was recorded to be listened to, and the language in which it is likely to be spoken."""

    recording: bytes
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Whether anybody spoke, and what of it could be written down and believed."""

    text: str
    heard: bool
    seconds: float


class MicrophoneTests(Protocol):
    """The way to a worker that listens; what is on it is kept nowhere."""

    async def hear(self, sound: Sound) -> Heard:
        """What a worker heard; RecordingAtFault, or NobodyListens if none answers in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrophoneListening:
    """A worker's part; `listen` is the listening of answers, `turn` their room before the engine."""

    decoder: Decoder
    listen: Callable[[Recording, Language | None, tuple[Language, ...]], Awaitable[Transcript]]
    turn: Callable[[float], AbstractAsyncContextManager[bool]]

    def room(self) -> AbstractAsyncContextManager[bool]:
        """Room before the engine; False where there is none soon."""
        return self.turn(ROOM_SECONDS)

    async def hear(self, sound: Sound) -> Heard:
        """RecordingAtFault, or NobodyListens where the engine does not answer in time or at all."""
        try:
            async with asyncio.timeout(LISTEN_SECONDS):
                recording = await self._decoded(sound.recording)
                return _told(await self.listen(recording, sound.language, ()))
        except RecordingAtFault:
            raise
        except (TranscriptionProblem, TimeoutError):
            raise NobodyListens(retry_after=AGAIN_SECONDS) from None

    async def _decoded(self, data: bytes) -> Recording:
        try:
            return await self.decoder.decode(_whole(data), most_seconds=MOST_SECONDS)
        except AudioTooLong:
            raise AudioTooLong(TOO_LONG) from None


def _told(transcript: Transcript) -> Heard:
    """A text that is not to be believed is none."""
    text = "" if transcript.verdict is Verdict.SUSPECTED else transcript.text
    return Heard(text=text, heard=not transcript.no_speech, seconds=round(transcript.duration, 2))


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data
