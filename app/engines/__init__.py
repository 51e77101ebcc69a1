"""The engines that the settings ask for: decoding, listening, scoring.

What speaks OpenAI's API is imported where it is asked for alone: it is a third of what a worker imports.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from app.config import Settings
from app.cores import cores
from app.engines.kind import SpeechKind, nothing
from app.engines.local import Local
from services.adapters.av_decoder import AvDecoder
from services.adapters.coverage_scorer import CoverageScorer
from services.adapters.silero_activity import SileroActivity
from services.analysis.ports import Scorer
from services.errors import ScorerBusy
from services.throttle import Throttle
from services.transcription.ports import Decoder, SpeechEngine, VoiceActivity
from services.transcription.stretches import Length


def _hosted(settings: Settings) -> SpeechKind:
    from app.engines.hosted import Hosted

    return Hosted(settings)


KINDS: dict[str, Callable[[Settings], SpeechKind]] = {"local": Local, "openai": _hosted}


class SettingsLack(Exception):
    """The settings lack what their engine or scorer needs; each sentence names the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    name: str
    decoder: Decoder
    activity: VoiceActivity
    speech: SpeechEngine
    takes_prompt: bool
    live: Length
    scorer: Scorer
    scores_at_once: bool
    about: Callable[[], str]
    deadline: Callable[[], float]
    turn: Callable[[float], AbstractAsyncContextManager[bool]]
    scoring_turn: Callable[[float], AbstractAsyncContextManager[bool]]
    warm_up: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def speech_kind(settings: Settings) -> SpeechKind:
    """The kind that SPEECH_ENGINE names; `auto` is `openai` where there is a key."""
    by_key = "openai" if settings.openai_api_key else "local"
    return KINDS[by_key if settings.speech_engine == "auto" else settings.speech_engine](settings)


def open_engines(settings: Settings) -> Engines:
    """The engines; weights are found, checked and loaded by `warm_up` or the first recording."""
    kind = speech_kind(settings)
    speech, throttle = kind.open(), Throttle(ScorerBusy)
    scorer, close_scorer = _scorer(settings, throttle)
    decoder, activity = AvDecoder(settings.max_audio_seconds, settings.max_audio_bytes, cores()), SileroActivity()

    async def close() -> None:
        await decoder.close()
        await close_scorer()
        await speech.close()

    return Engines(
        name=kind.name,
        decoder=decoder,
        activity=activity,
        speech=speech.engine,
        takes_prompt=speech.takes_prompt,
        live=speech.live,
        scorer=scorer,
        scores_at_once=isinstance(scorer, CoverageScorer),
        about=lambda: " ".join([kind.name, speech.about()]).strip(),
        deadline=speech.deadline,
        turn=speech.throttle.turn,
        scoring_turn=throttle.turn,
        warm_up=speech.warm_up,
        close=close,
    )


def lacks(settings: Settings) -> list[str]:
    """What the settings lack for a process that transcribes and scores, each as a sentence that names the variable."""
    return [lack for lack in (speech_kind(settings).lack, scorer_lack(settings)) if lack]


def scorer_lack(settings: Settings) -> str:
    """What the chosen scorer lacks; empty if nothing."""
    if not settings.uses_hosted_scorer:
        return ""
    if not settings.scorer_model:
        return "SCORER=openai needs SCORER_MODEL, the hosted model that is to score"
    return "" if settings.openai_api_key else "SCORER=openai needs OPENAI_API_KEY"


def _scorer(settings: Settings, throttle: Throttle) -> tuple[Scorer, Callable[[], Awaitable[None]]]:
    """The scorer, and what closes it."""
    if not (settings.uses_hosted_scorer and settings.scorer_model):
        return CoverageScorer(), nothing
    from app.engines.hosted import hosted_client
    from services.adapters.openai_scorer import OpenAIScorer

    client = hosted_client(settings)
    scorer = OpenAIScorer(client, settings.scorer_model, settings.openai_timeout_seconds, throttle)
    return scorer, client.close
