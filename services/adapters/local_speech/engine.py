"""The port SpeechEngine on this machine's processor."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from ctranslate2 import StorageView

from services.adapters.local_speech.detection import Detection, Hearing, detected, places
from services.adapters.local_speech.device import Device
from services.adapters.local_speech.scheduler import Scheduler, Turn
from services.adapters.local_speech.tasks import Reading, Task, Views
from services.adapters.local_speech.whisper import CPU, WHOLE_SECONDS, Whisper
from services.adapters.local_speech.windows import Window, batches, windows
from services.errors import EngineRefused, EngineUnavailable
from services.interviews.language import Language, name_of
from services.interviews.transcript import Segment, Transcript, silence
from services.transcription.ports import Speech


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
        self.scheduler = Scheduler(self.threads, slots)
        self.loading = asyncio.Lock()
        self.model: Whisper | None = None
        self.seconds_each_second: float | None = None

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

    def forget(self) -> None:
        """Let go of the model, and give its memory back; who needs it next loads it again."""
        self.model = None
        self.threads.submit(_give_back)

    async def transcribe(self, speech: Speech) -> Transcript:
        """The text of what is spoken; whoever gives up waiting stops the work at the next task."""
        if not speech.spans:
            return silence(speech.recording.duration)
        try:
            model, turn = await self._loaded(), Turn(is_first=speech.is_first)
            spoken, views = await self._spoken(model, turn, speech)
            readings = await self._read(model, turn, speech, spoken.language, views)
        except (RuntimeError, ValueError, MemoryError, OSError) as error:
            raise _unavailable(error) from error
        return _transcript(readings, spoken, speech.recording.duration, self.model_name)

    async def _loaded(self) -> Whisper:
        async with self.loading:
            if self.model is None:
                loop = asyncio.get_running_loop()
                self.model = await loop.run_in_executor(self.threads, self._load)
            return self.model

    def _load(self) -> Whisper:
        self.device = self.device.here()
        model = Whisper(self.find(), self.slots, self.device)
        if self.seconds_each_second is None:
            self.seconds_each_second = model.time_a_window() / WHOLE_SECONDS
        return model

    async def _spoken(self, model: Whisper, turn: Turn, speech: Speech) -> tuple[Detection, Views]:
        """The language, where it is known; else it is listened for, until it is sure."""
        among = _possible(model, speech)
        found, heard, views = Detection(among[0]), list[Hearing](), dict[Window, StorageView]()
        for place in places(windows(speech.spans)) if len(among) > 1 else ():
            hearing, views[place] = await self.scheduler.run(turn, partial(model.hear, speech.recording, place))
            heard.append(hearing)
            found = detected(heard, among, speech.language)
            if found.is_sure:
                break
        return found, views

    async def _read(
        self, model: Whisper, turn: Turn, speech: Speech, language: Language, views: Views
    ) -> list[Reading]:
        """All tasks side by side, as far as threads are idle."""
        tasks = [
            Task(speech.recording, batch, language, speech.prompt, self.words, views)
            for batch in batches(windows(speech.spans))
        ]
        reading = [asyncio.create_task(self.scheduler.run(turn, partial(model.read, task))) for task in tasks]
        try:
            return await asyncio.gather(*reading)
        finally:
            for one in reading:
                one.cancel()


def _possible(model: Whisper, speech: Speech) -> list[Language]:
    """What may be spoken, as far as the model knows it; EngineRefused if it knows none of it."""
    asked = speech.languages or ((speech.language,) if speech.language else ())
    known = [language for language in asked or model.languages if language in model.languages]
    if not known:
        names = ", ".join(map(name_of, asked))
        raise EngineRefused(f"The speech model does not know {names}. Set SPEECH_MODEL to one that does, and retry.")
    return known


def _transcript(readings: list[Reading], spoken: Detection, duration: float, model_name: str) -> Transcript:
    segments: tuple[Segment, ...] = tuple(segment for reading in readings for segment in reading.segments)
    text = " ".join(segment.text for segment in segments if segment.text)
    return Transcript(
        text=text,
        language=spoken.language if text else None,
        language_probability=spoken.probability if text else None,
        duration=duration,
        segments=segments,
        no_speech=not text,
        engine="local",
        model=model_name,
    )


def _give_back() -> None:
    """What was freed goes back to the system, which glibc leaves for later."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _unavailable(error: Exception) -> EngineUnavailable:
    return EngineUnavailable(f"The local speech engine failed: {error}")
