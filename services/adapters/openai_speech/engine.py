"""The port SpeechEngine over OpenAI's API."""

import asyncio
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Annotated, Any, Literal

import openai
import structlog
from pydantic import AfterValidator, BaseModel, FiniteFloat, OnErrorOmit, ValidationError

from services.adapters.openai_speech.packing import OPUS_NAME, Packed, packed, smaller
from services.adapters.openai_speech.refusals import Other, Refusal, problem_of
from services.errors import EngineBusy, EngineRefused, EngineTimeout, EngineUnavailable
from services.interviews.language import Language, named
from services.interviews.transcript import Segment, Transcript, Word
from services.throttle import Throttle
from services.transcription.ports import Speech

log = structlog.get_logger(__name__)

# What is asked for, and what is asked for where that is refused; at last, what the server gives unasked.
FORMATS: list[dict[str, Any]] = [
    {"response_format": "verbose_json", "timestamp_granularities": ["segment", "word"]},
    {"response_format": "json"},
    {},
]
# A model fills its window up, and may tell times in what was filled.
MOST_BEYOND = 30.0


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

    def __init__(
        self, client: openai.AsyncOpenAI, model: str, timeout_seconds: float, throttle: Throttle | None = None
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._model = model
        self._known = capabilities(model)
        self._timeout_seconds = timeout_seconds
        self._throttle = throttle or Throttle(EngineBusy)
        self._formats = FORMATS if self._known.gives_times else FORMATS[1:]
        self._takes_prompt = self._known.takes_prompt

    async def transcribe(self, speech: Speech) -> Transcript:
        """EngineUnavailable and its kind (try again), or EngineRefused; no sentence holds a key or a transcript."""
        duration, options, spoken = speech.recording.duration, self._options(speech), _spoken(speech)
        if self._known.most_seconds is not None and duration > self._known.most_seconds:
            raise EngineRefused(f"The speech model {self._model} takes at most {self._known.most_seconds:g} seconds.")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                file = await asyncio.to_thread(packed, speech.recording.pcm, self._known.most_bytes)
                del speech  # the samples are as large as the memory budget of a worker; the wait is long
                heard = await self._heard(file, options | self._told(spoken))
                if len(spoken) > 1 and heard.spoken() not in (None, *spoken):
                    heard = await self._heard(file, options | self._told(spoken[:1]))
        except TimeoutError:
            raise EngineTimeout from None
        return self._transcript(heard, duration, spoken[0] if len(spoken) == 1 else None)

    def _options(self, speech: Speech) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if speech.prompt and self._takes_prompt:
            options["prompt"] = speech.prompt
        return options

    def _told(self, spoken: list[Language]) -> dict[str, Any]:
        """What tells the model the languages; one that can be told only one finds out by itself which of several."""
        if self._known.language_field == "languages":
            return {"languages": spoken} if spoken else {}
        return {"language": spoken[0]} if len(spoken) == 1 else {}

    async def _heard(self, file: Packed, options: dict[str, Any]) -> "_Heard":
        return await self._throttle.call(lambda: self._in_some_form(file, options))

    async def _in_some_form(self, file: Packed, options: dict[str, Any]) -> "_Heard":
        """What the engine says; a form that it does not take is left for a smaller or plainer one."""
        while True:
            formats = self._formats
            try:
                return await self._ask(file, {**formats[0], **options})
            except openai.APIStatusError as error:
                refusal = Refusal.of(error)
                other = refusal.other
                if refusal.names_prompt and "prompt" in options:
                    self._takes_prompt = False
                    options = {name: value for name, value in options.items() if name != "prompt"}
                    log.warning("prompt refused", model=self._model)
                elif other is Other.PLAIN and len(formats) > 1:
                    self._formats = formats[1:]
                    log.warning("response format refused", asked=formats[0], next=formats[1])
                elif other is Other.SMALLER and file[0] != OPUS_NAME:
                    file = await asyncio.to_thread(smaller, file[1])
                else:
                    raise problem_of(error) from None
            except openai.OpenAIError as error:
                raise problem_of(error) from None

    async def _ask(self, file: Packed, options: dict[str, Any]) -> "_Heard":
        answer = await self._client.audio.transcriptions.with_raw_response.create(
            file=file, model=self._model, **options
        )
        try:
            return _Heard.model_validate_json(answer.content)
        except ValidationError:
            raise EngineUnavailable("The speech engine's answer was not a transcript.") from None

    def _transcript(self, heard: "_Heard", duration: float, asked: Language | None) -> Transcript:
        text = heard.text.strip()
        return Transcript(
            text=text,
            language=(heard.spoken() or asked) if text else None,
            duration=duration,
            segments=heard.timed_segments(duration) if heard.is_timed(duration) else (),
            no_speech=not text,
            engine="openai",
            model=self._model,
        )


def _spoken(speech: Speech) -> list[Language]:
    """What may be spoken, the likeliest first; empty where anything may be."""
    likeliest = [speech.language] if speech.language else []
    return list(dict.fromkeys([*likeliest, *speech.languages]))


Perhaps = Annotated[float | None, AfterValidator(lambda given: given if isfinite(given or 0.0) else None)]


class _Word(BaseModel):
    word: str
    start: FiniteFloat
    end: FiniteFloat
    probability: Perhaps = None


class _Segment(BaseModel):
    text: str
    start: FiniteFloat
    end: FiniteFloat
    avg_logprob: Perhaps = None
    no_speech_prob: Perhaps = None
    compression_ratio: Perhaps = None

    def doubts(self) -> dict[str, Any]:
        """None where one of them cannot be: servers that measure none write some number."""
        log, silence, ratio = self.avg_logprob, self.no_speech_prob, self.compression_ratio
        can_be = (log or 0.0) <= 0.0 <= (ratio or 0.0) and 0.0 <= (silence or 0.0) <= 1.0
        return {"log_probability": log, "no_speech_probability": silence} if can_be else {}


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

    def is_timed(self, duration: float) -> bool:
        """Whether all of the text stands in segments, else what these lack would be lost; and at times that can be."""
        told = self.segments or ()
        is_whole = "".join(self.text.split()) == "".join("".join(one.text for one in told).split())
        return is_whole and all(0.0 <= one.start <= duration + MOST_BEYOND for one in told)

    def timed_segments(self, duration: float) -> tuple[Segment, ...]:
        return tuple(
            Segment(
                text=one.text.strip(),
                start=min(one.start, duration),
                end=min(one.end, duration),
                words=self._words_of(one, duration),
                **one.doubts(),
            )
            for one in self.segments or ()
        )

    def _words_of(self, segment: _Segment, duration: float) -> tuple[Word, ...]:
        inside = (w for w in self.words or () if segment.start <= (w.start + w.end) / 2 < segment.end)
        return tuple(
            Word(text=w.word.strip(), start=min(w.start, duration), end=min(w.end, duration), probability=w.probability)
            for w in inside
        )
