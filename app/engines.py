"""The engines that the settings ask for: decoding, listening, scoring."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import openai

from app.config import Settings
from app.weights import find_weights
from services.adapters.av_decoder import AvDecoder
from services.adapters.coverage_scorer import CoverageScorer
from services.adapters.local_speech import LocalSpeech
from services.adapters.openai_scorer import OpenAIScorer
from services.adapters.openai_speech import OpenAISpeech
from services.adapters.silero_activity import SileroActivity
from services.ports.speech import Decoder, Scorer, SpeechEngine, VoiceActivity


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    name: str
    decoder: Decoder
    activity: VoiceActivity
    speech: SpeechEngine
    scorer: Scorer
    warm_up: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def open_engines(settings: Settings, slots: int) -> Engines:
    """The engines; weights are found, checked and loaded by `warm_up` or the first recording."""
    client = _client(settings)
    decoder, activity = AvDecoder(settings.max_audio_seconds, settings.max_audio_bytes), SileroActivity()
    local = None if settings.uses_hosted_speech else _local(settings, slots)
    hosted = OpenAISpeech(client, settings.openai_speech_model, settings.openai_timeout_seconds)

    async def warm_up() -> None:
        if local is not None:
            await local.open()

    async def close() -> None:
        await decoder.close()
        await client.close()
        if local is not None:
            await local.close()

    return Engines(
        name=f"local/{settings.speech_model}" if local else f"openai/{settings.openai_speech_model}",
        decoder=decoder,
        activity=activity,
        speech=local or hosted,
        scorer=_scorer(settings, client),
        warm_up=warm_up,
        close=close,
    )


def _client(settings: Settings) -> openai.AsyncOpenAI:
    key = settings.openai_api_key
    return openai.AsyncOpenAI(
        api_key=key.get_secret_value() if key else "none",
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=settings.openai_timeout_seconds,
    )


def _local(settings: Settings, slots: int) -> LocalSpeech:
    name = settings.speech_model
    return LocalSpeech(lambda: find_weights(name, settings.cache_dir), name, slots, words=settings.speech_words)


def _scorer(settings: Settings, client: openai.AsyncOpenAI) -> Scorer:
    if not settings.uses_hosted_scorer:
        return CoverageScorer()
    if not settings.scorer_model:
        raise ValueError("set SCORER_MODEL to the hosted model that is to score")
    return OpenAIScorer(client, settings.scorer_model, settings.openai_timeout_seconds)
