"""A recording that was decoded at once, as a sound that is listened to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.interviews.model import Entry
from services.interviews.transcript import Flaw
from services.transcription.ports import RATE, Place, Recording


@dataclass(frozen=True, slots=True)
class Decoded:
    """From a place on; a second of it at a time."""

    recording: Recording
    place: Place
    plan: bytes = b""
    entries: tuple[Entry, ...] = ()

    @property
    def samples(self) -> int:
        return len(self.recording.pcm) // 2

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        return self.recording.flaws

    async def blocks(self) -> AsyncIterator[bytes]:
        for start in range(2 * self.place.samples, len(self.recording.pcm), 2 * RATE):
            yield self.recording.pcm[start : start + 2 * RATE]
