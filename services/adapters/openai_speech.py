"""Speech recognition by OpenAI's API, or by any server that speaks it."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

import av
import numpy as np
import openai
from av.audio import AudioStream
from pydantic import BaseModel, OnErrorOmit, ValidationError

from services.errors import EngineBusy, EngineRefused, EngineTimeout, EngineUnavailable, TranscriptionProblem
from services.language import Language, named
from services.ports.speech import Speech
from services.retry import seconds_asked
from services.transcript import Segment, Transcript, Word

RATE = 16_000
OPUS_BITS_PER_SECOND = 32_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a hosted model takes and gives; the defaults are what every compatible server is known to do."""

    language_field: Literal["language", "languages"] = "language"
    takes_prompt: bool = False
    gives_times: bool = False
    most_bytes: int = 25_000_000
    most_seconds: float | None = None
    ends_on: date | None = None


_END = date(2027, 2, 26)
_GPT_4O = Capabilities(takes_prompt=True, most_seconds=1400.0, ends_on=_END)
MODELS = {
    "gpt-transcribe": Capabilities(language_field="languages", takes_prompt=True),
    "gpt-4o-transcribe": _GPT_4O,
    "gpt-4o-mini-transcribe": _GPT_4O,
    "gpt-4o-mini-transcribe-2025-12-15": _GPT_4O,
    "whisper-1": Capabilities(takes_prompt=True, gives_times=True, ends_on=_END),
}


def capabilities(model: str) -> Capabilities:
    """What is known of a model; of an unknown one, only what every server does."""
    return MODELS.get(model, Capabilities())


class OpenAISpeech:
    """A SpeechEngine whose calls are made once each and end before the deadline."""

    def __init__(self, client: openai.AsyncOpenAI, model: str, timeout_seconds: float) -> None:
        self._client = client.with_options(max_retries=0)
        self._model = model
        self._known = capabilities(model)
        self._timeout_seconds = timeout_seconds

    async def transcribe(self, speech: Speech) -> Transcript:
        """EngineUnavailable and its kind (try again), or EngineRefused; no sentence holds a key or a transcript."""
        duration, options, spoken = speech.recording.duration, self._options(speech), _spoken(speech)
        if self._known.most_seconds is not None and duration > self._known.most_seconds:
            raise EngineRefused(f"The speech model {self._model} takes at most {self._known.most_seconds:g} seconds.")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                file = await asyncio.to_thread(packed, speech.recording.pcm, self._known.most_bytes)
                del speech  # the samples are as large as the memory budget of a worker; the wait is long
                heard = await self._ask(file, options | self._told(spoken))
                if len(spoken) > 1 and heard.spoken() not in (None, *spoken):
                    heard = await self._ask(file, options | self._told(spoken[:1]))
        except TimeoutError:
            raise EngineTimeout from None
        return self._transcript(heard, duration, spoken[0] if len(spoken) == 1 else None)

    def _options(self, speech: Speech) -> dict[str, Any]:
        options: dict[str, Any] = {"response_format": "json"}
        if self._known.gives_times:
            options = {"response_format": "verbose_json", "timestamp_granularities": ["segment", "word"]}
        if speech.prompt and self._known.takes_prompt:
            options["prompt"] = speech.prompt
        return options

    def _told(self, spoken: list[Language]) -> dict[str, Any]:
        """What tells the model the languages; one that can be told only one finds out by itself which of several."""
        if self._known.language_field == "languages":
            return {"languages": spoken} if spoken else {}
        return {"language": spoken[0]} if len(spoken) == 1 else {}

    async def _ask(self, file: tuple[str, bytes, str], options: dict[str, Any]) -> "_Heard":
        ask = self._client.audio.transcriptions.with_raw_response.create
        try:
            answer = await ask(file=file, model=self._model, **options)
            return _Heard.model_validate_json(answer.content)
        except ValidationError:
            raise EngineUnavailable("The speech engine's answer was not a transcript.") from None
        except openai.OpenAIError as error:
            raise problem_of(error) from None

    def _transcript(self, heard: "_Heard", duration: float, asked: Language | None) -> Transcript:
        text = heard.text.strip()
        return Transcript(
            text=text,
            language=(heard.spoken() or asked) if text else None,
            duration=duration,
            segments=heard.timed_segments() if text else (),
            no_speech=not text,
            engine="openai",
            model=self._model,
        )


def packed(pcm: bytes, most_bytes: int) -> tuple[str, bytes, str]:
    """The samples as a named file of at most so many bytes: FLAC if it fits, else Opus, else EngineRefused."""
    flac = _encoded(pcm, "flac", "flac")
    if len(flac) <= most_bytes:
        return "answer.flac", flac, "audio/flac"
    opus = _encoded(pcm, "ogg", "libopus", bit_rate=OPUS_BITS_PER_SECOND)
    if len(opus) <= most_bytes:
        return "answer.ogg", opus, "audio/ogg"
    raise EngineRefused(f"The recording is over the {most_bytes} bytes that the speech engine takes.")


def _encoded(pcm: bytes, container: str, codec: str, bit_rate: int | None = None) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast(AudioStream, output.add_stream(codec, rate=RATE, layout="mono"))
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for frame in _frames(pcm):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def _frames(pcm: bytes) -> Iterator[av.AudioFrame]:
    samples = np.frombuffer(pcm, dtype="<i2")
    for start in range(0, len(samples), RATE):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + RATE], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = start
        yield frame


REFUSALS = {
    400: "The speech engine could not read the request.",
    413: "The recording is larger than the speech engine takes.",
    415: "The speech engine does not take this kind of file.",
    422: "The speech engine could not use the recording.",
}
REPAIRS = {
    401: "The speech engine refuses the key. Check OPENAI_API_KEY.",
    403: "The speech engine refuses the key for this. Check what OPENAI_API_KEY may do.",
    404: "The speech engine knows no such model or address. Check OPENAI_SPEECH_MODEL and OPENAI_BASE_URL.",
}


def problem_of(error: openai.OpenAIError) -> TranscriptionProblem:
    """What a failed call means for us; nothing of the answer's own words is repeated."""
    if isinstance(error, openai.APITimeoutError):
        return EngineTimeout()
    if not isinstance(error, openai.APIStatusError):
        return EngineUnavailable("The speech engine could not be reached.")
    status, wait = error.status_code, seconds_asked(error.response.headers.get("retry-after"))
    if status in REFUSALS:
        return EngineRefused(REFUSALS[status])
    if status == 429:
        return EngineBusy(retry_after=wait)
    if status in (408, 504):
        return EngineTimeout(retry_after=wait)
    return EngineUnavailable(REPAIRS.get(status, f"The speech engine failed with status {status}."), retry_after=wait)


def _spoken(speech: Speech) -> list[Language]:
    """What may be spoken, the likeliest first; empty where anything may be."""
    likeliest = [speech.language] if speech.language else []
    return list(dict.fromkeys([*likeliest, *speech.languages]))


class _Word(BaseModel):
    word: str
    start: float
    end: float


class _Segment(BaseModel):
    text: str
    start: float
    end: float


class _Language(BaseModel):
    code: str


class _Heard(BaseModel):
    """An answer as it comes over the wire: text, and times and languages where the model gives them."""

    text: str
    language: str | None = None
    languages: list[OnErrorOmit[_Language]] | None = None
    segments: list[OnErrorOmit[_Segment]] | None = None
    words: list[OnErrorOmit[_Word]] | None = None

    def spoken(self) -> Language | None:
        return named(self.languages[0].code if self.languages else self.language)

    def timed_segments(self) -> tuple[Segment, ...]:
        return tuple(
            Segment(text=s.text.strip(), start=s.start, end=s.end, words=self._words_of(s)) for s in self.segments or ()
        )

    def _words_of(self, segment: _Segment) -> tuple[Word, ...]:
        inside = (w for w in self.words or () if segment.start <= (w.start + w.end) / 2 < segment.end)
        return tuple(Word(text=w.word.strip(), start=w.start, end=w.end) for w in inside)
