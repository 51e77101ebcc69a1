"""The speech engine that the settings ask for."""

from datetime import date, timedelta

import openai

from app.config import Settings
from app.weights import WeightsMissing, find_weights
from scripts.doctor.finding import Finding, failing, ok, warning
from services.adapters.openai_speech import MODELS, capabilities

SOON = timedelta(days=90)
LOOK_SECONDS = 5.0


async def looked_at(settings: Settings, today: date) -> list[Finding]:
    if settings.uses_hosted_speech:
        return [await _hosted(settings), model(settings.openai_speech_model, today)]
    return [_local(settings)]


def _local(settings: Settings) -> Finding:
    try:
        folder = find_weights(settings.speech_model, settings.cache_dir)
    except WeightsMissing as trouble:
        return failing("Speech engine", f"local, {settings.speech_model}: no weights", str(trouble))
    except OSError as trouble:
        return failing("Speech engine", f"local, {settings.speech_model}: {trouble}", "Check CACHE_DIR and its disk.")
    return ok("Speech engine", f"local, {settings.speech_model}: weights found and checked in {folder}")


async def _hosted(settings: Settings) -> Finding:
    if not settings.openai_api_key:
        return failing("Speech engine", "hosted, without a key", "Set OPENAI_API_KEY, or SPEECH_ENGINE=local.")
    key, where = settings.openai_api_key.get_secret_value(), settings.openai_base_url or "the default address"
    async with openai.AsyncOpenAI(
        api_key=key, base_url=settings.openai_base_url, timeout=LOOK_SECONDS, max_retries=0
    ) as client:
        try:
            await client.models.list()
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            return failing("Speech engine", f"hosted at {where}: the key is refused", "Check OPENAI_API_KEY.")
        except openai.APIConnectionError:
            todo = "Check OPENAI_BASE_URL, and the way out of this network."
            return failing("Speech engine", f"hosted at {where}: not reached", todo)
        except openai.APIStatusError as answer:
            if answer.status_code >= 500:
                return warning(
                    "Speech engine", f"hosted at {where}: it answers {answer.status_code}", "Look again soon."
                )
        except openai.OpenAIError:
            return warning("Speech engine", f"hosted at {where}: no list of models", "Check OPENAI_BASE_URL.")
    return ok("Speech engine", f"hosted at {where}, reached")


def model(name: str, today: date) -> Finding:
    """Whether the hosted model is known, and how long it will be there."""
    if name not in MODELS:
        todo = "Fine where another server is used: it is asked only for what every server does. Else check the name."
        return warning("Speech model", f"{name} is not a model that is known here", todo)
    ends = capabilities(name).ends_on
    if ends is None:
        return ok("Speech model", f"{name}; no end is announced")
    if ends <= today:
        return failing("Speech model", f"{name} was switched off on {ends}", "Set OPENAI_SPEECH_MODEL=gpt-transcribe.")
    if ends - today <= SOON:
        return warning("Speech model", f"{name} ends on {ends}", "Set OPENAI_SPEECH_MODEL=gpt-transcribe before that.")
    return ok("Speech model", f"{name}, until {ends}")
