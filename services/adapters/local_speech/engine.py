"""The port SpeechEngine on this machine's processor."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, TypeVar, TypeVarTuple

import numpy as np
from faster_whisper.transcribe import restore_speech_timestamps
from numpy.typing import NDArray

from services.adapters.local_speech.whisper import ShortWindows
from services.errors import EngineRefused, EngineUnavailable
from services.ports.speech import Recording, Span, Speech
from services.transcript import Segment, Transcript, Word, silence

RATE = 16_000
PIECE_SECONDS = 120.0

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class LocalSpeech:
    """Transcribes `slots` recordings at once in threads of its own; the model is found and loaded when first needed.

    Times of single words cost about a third more, so they come only if asked for.
    """

    def __init__(self, find: Callable[[], Path], model_name: str, slots: int, *, words: bool = False) -> None:
        self.find = find
        self.model_name = model_name
        self.slots = slots
        self.words = words
        self.threads = ThreadPoolExecutor(slots, "speech")
        self.loading = asyncio.Lock()
        self.model: ShortWindows | None = None

    async def open(self) -> None:
        """Load the model; EngineUnavailable if it cannot be."""
        await self._loaded()

    async def close(self) -> None:
        """Forget the model, once what is in work is done."""
        await asyncio.to_thread(self.threads.shutdown, cancel_futures=True)
        self.model = None

    async def transcribe(self, speech: Speech) -> Transcript:
        """The text of what is spoken; whoever gives up waiting stops the work at the next sentence."""
        model, stop = await self._loaded(), Event()
        try:
            return await self._run(_transcript, _Reading(model, speech, stop, self.words), self.model_name)
        finally:
            stop.set()

    async def _loaded(self) -> ShortWindows:
        async with self.loading:
            if self.model is None:
                self.model = await self._run(_load, self.find, self.slots)
            return self.model

    async def _run(self, act: Callable[[*Ts], T], *args: *Ts) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, act, *args)
        except (RuntimeError, MemoryError, OSError) as error:
            raise EngineUnavailable(f"The local speech engine failed: {error}") from error


def _load(find: Callable[[], Path], slots: int) -> ShortWindows:
    return ShortWindows(str(find()), device="cpu", compute_type="int8", cpu_threads=1, num_workers=slots)


def _transcript(reading: "_Reading", model_name: str) -> Transcript:
    duration = reading.speech.recording.duration
    segments = tuple(reading.segments())
    if not segments:
        return silence(duration)
    return Transcript(
        text=" ".join(segment.text for segment in segments),
        language=reading.language,
        duration=duration,
        segments=segments,
        engine="local",
        model=model_name,
    )


class _Reading:
    """One recording's way through the model, piece by piece."""

    def __init__(self, model: ShortWindows, speech: Speech, stop: Event, words: bool) -> None:
        self.model = model
        self.speech = speech
        self.stop = stop
        self.words = words
        self.language = _language(model, speech.language)

    def segments(self) -> Iterator[Segment]:
        for spans in _pieces(self.speech.spans):
            for segment in self._heard(spans):
                if self.stop.is_set():
                    return
                yield _segment(segment, spans[-1].end)

    def _heard(self, spans: list[Span]) -> Iterator[Any]:
        segments, info = self.model.transcribe(
            _cut(self.speech.recording, spans),
            language=self.language,
            beam_size=1,
            best_of=1,
            condition_on_previous_text=False,
            initial_prompt=self.speech.prompt,
            word_timestamps=self.words,
        )
        self.language = info.language
        chunks = [{"start": int(span.start * RATE), "end": int(span.end * RATE)} for span in spans]
        return iter(restore_speech_timestamps(segments, chunks, RATE))


def _language(model: ShortWindows, asked: str | None) -> str | None:
    """The model's code for it; EngineRefused if the model does not know it."""
    code = asked.lower().replace("_", "-").split("-")[0] if asked else None
    if code and code not in model.supported_languages:
        raise EngineRefused(f"The speech model does not know the language '{asked}'. Choose SPEECH_MODEL=base.")
    return code


def _pieces(spans: list[Span]) -> Iterator[list[Span]]:
    """Spans in groups that are short enough to be looked at in one go."""
    piece: list[Span] = []
    for span in spans:
        if piece and sum(each.end - each.start for each in [*piece, span]) > PIECE_SECONDS:
            yield piece
            piece = []
        piece.append(span)
    if piece:
        yield piece


def _cut(recording: Recording, spans: list[Span]) -> NDArray[np.float32]:
    sound = np.frombuffer(recording.pcm, np.int16)
    pieces = [sound[int(span.start * RATE) : int(span.end * RATE)] for span in spans]
    return np.concatenate(pieces).astype(np.float32) / np.float32(32_768)


def _segment(heard: Any, most: float) -> Segment:
    """Our own value of what was heard; the model sometimes lets a last sentence end after the speech."""
    words = tuple(
        Word(text=word.word.strip(), start=word.start, end=word.end, probability=word.probability)
        for word in heard.words or ()
    )
    return Segment(text=heard.text.strip(), start=min(heard.start, most), end=min(heard.end, most), words=words)
