"""The port SpeechEngine on this machine's processor."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.adapters.local_speech.device import Device
from services.adapters.local_speech.lanes import Lanes, Turn
from services.adapters.local_speech.tasks import Reading, Task
from services.adapters.local_speech.whisper import CPU, Whisper
from services.adapters.local_speech.windows import Window, windows
from services.errors import EngineRefused, EngineUnavailable
from services.language import find
from services.ports.speech import Speech
from services.transcript import Segment, Transcript, silence


class LocalSpeech:
    """Reads in as many threads as it has slots, however many recordings; the model is loaded when first needed.

    Times of single words cost more, so they come only if asked for.
    """

    def __init__(
        self, find: Callable[[], Path], model_name: str, slots: int, *, words: bool = False, device: Device = CPU
    ) -> None:
        self.find = find
        self.model_name = model_name
        self.slots = slots
        self.words = words
        self.device = device
        self.threads = ThreadPoolExecutor(slots, "speech")
        self.lanes = Lanes(self.threads, slots)
        self.loading = asyncio.Lock()
        self.model: Whisper | None = None

    async def open(self) -> None:
        """Load the model; EngineUnavailable if it cannot be."""
        try:
            await self._loaded()
        except (RuntimeError, ValueError, MemoryError, OSError) as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Forget the model, once what is in work is done."""
        await asyncio.to_thread(self.threads.shutdown, cancel_futures=True)
        self.model = None

    async def transcribe(self, speech: Speech) -> Transcript:
        """The text of what is spoken; whoever gives up waiting stops the work at the next window."""
        try:
            model = await self._loaded()
            readings = await self._read(model, speech, _language(model, None if speech.languages else speech.language))
        except (RuntimeError, ValueError, MemoryError, OSError) as error:
            raise _unavailable(error) from error
        return _transcript(readings, speech.recording.duration, self.model_name)

    async def _loaded(self) -> Whisper:
        async with self.loading:
            if self.model is None:
                loop = asyncio.get_running_loop()
                self.model = await loop.run_in_executor(self.threads, self._load)
            return self.model

    def _load(self) -> Whisper:
        return Whisper(self.find(), self.slots, self.device.here())

    async def _read(self, model: Whisper, speech: Speech, language: str | None) -> list[Reading]:
        """All windows side by side; where the language is not known, the first one tells it."""
        turn, first, rest = Turn(), [], windows(speech.spans)
        if language is None and rest:
            first = await self._window(model, turn, speech, rest.pop(0), None)
            language = first[0].language
        reading = [asyncio.create_task(self._window(model, turn, speech, window, language)) for window in rest]
        try:
            return [*first, *(one for some in await asyncio.gather(*reading) for one in some)]
        finally:
            for task in reading:
                task.cancel()

    async def _window(
        self, model: Whisper, turn: Turn, speech: Speech, window: Window, language: str | None
    ) -> list[Reading]:
        """A window, and again what of it was not read."""
        task: Task | None = Task(speech.recording, window, language, speech.prompt, self.words)
        readings: list[Reading] = []
        while task is not None:
            readings.append(await self.lanes.read(turn, task, model.read))
            task = task.after(readings[-1])
        return readings


def _language(model: Whisper, asked: str | None) -> str | None:
    """The model's code for it; EngineRefused if the model does not know it."""
    code = asked.lower().replace("_", "-").split("-")[0] if asked else None
    if code and code not in model.languages:
        raise EngineRefused(f"The speech model does not know the language '{asked}'. Choose SPEECH_MODEL=base.")
    return code


def _transcript(readings: list[Reading], duration: float, model_name: str) -> Transcript:
    segments: tuple[Segment, ...] = tuple(segment for reading in readings for segment in reading.segments)
    if not segments:
        return silence(duration)
    return Transcript(
        text=" ".join(segment.text for segment in segments),
        language=find(readings[0].language),
        duration=duration,
        segments=segments,
        engine="local",
        model=model_name,
    )


def _unavailable(error: Exception) -> EngineUnavailable:
    return EngineUnavailable(f"The local speech engine failed: {error}")
