"""The way to a worker that listens, in memory."""

from services.errors import NobodyListens
from services.transcription.microphone_tests import AGAIN_SECONDS, Heard, MicrophoneListening, Sound


class FakeMicrophoneTests:
    """There is one worker, and it is here."""

    def __init__(self, worker: MicrophoneListening) -> None:
        self.worker = worker

    async def hear(self, sound: Sound) -> Heard:
        async with self.worker.room() as came:
            if not came:
                raise NobodyListens(retry_after=AGAIN_SECONDS)
            return await self.worker.hear(sound)
