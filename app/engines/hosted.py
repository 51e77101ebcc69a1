"""An engine that speaks OpenAI's API."""

from datetime import date, timedelta

import openai

from app.config import Settings
from app.engines.kind import OpenSpeech
from app.finding import Finding, failing, ok, warning
from services.adapters.openai_speech import MODELS, OpenAISpeech, capabilities
from services.errors import EngineBusy
from services.throttle import Throttle
from services.transcription.stretches import LIVE_BY_CALL

SOON = timedelta(days=90)
PROBE_TIMEOUT_SECONDS = 5.0


class Hosted:
    """Kind `openai`. One more recording is taken on than there are calls, so that it is prepared when one ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = f"openai/{settings.openai_speech_model}"
        self.slots = settings.openai_concurrency
        self.in_hand = self.slots + 1

    @property
    def lack(self) -> str:
        if self._settings.openai_api_key:
            return ""
        return "SPEECH_ENGINE=openai needs OPENAI_API_KEY; for a server that asks for none, any word will do"

    def open(self) -> OpenSpeech:
        client, throttle = hosted_client(self._settings), Throttle(EngineBusy)
        model, seconds = self._settings.openai_speech_model, self._settings.openai_timeout_seconds
        engine = OpenAISpeech(client, model, seconds, throttle)
        return OpenSpeech(
            engine=engine,
            throttle=throttle,
            takes_prompt=capabilities(model).takes_prompt,
            live=LIVE_BY_CALL,
            close=client.close,
        )

    async def look(self, today: date) -> list[Finding]:
        return [await self._reached(), model(self._settings.openai_speech_model, today)]

    async def _reached(self) -> Finding:
        if self.lack:
            return failing("Speech engine", "hosted, without a key", "Set OPENAI_API_KEY, or SPEECH_ENGINE=local.")
        where = self._settings.openai_base_url or "the default address"
        async with hosted_client(self._settings).with_options(timeout=PROBE_TIMEOUT_SECONDS) as client:
            try:
                await client.models.list()
            except openai.OpenAIError as trouble:
                return _trouble(trouble, f"hosted at {where}")
        return ok("Speech engine", f"hosted at {where}, reached")


def hosted_client(settings: Settings) -> openai.AsyncOpenAI:
    """A client of the hosted engine or scorer; nothing is reached yet."""
    key = settings.openai_api_key
    return openai.AsyncOpenAI(
        api_key=key.get_secret_value() if key else "none",
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=settings.openai_timeout_seconds,
    )


def _trouble(trouble: openai.OpenAIError, where: str) -> Finding:
    match trouble:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return failing("Speech engine", f"{where}: the key is refused", "Check OPENAI_API_KEY.")
        case openai.APIConnectionError():
            todo = "Check OPENAI_BASE_URL, and the way out of this network."
            return failing("Speech engine", f"{where}: not reached", todo)
        case openai.APIStatusError(status_code=status) if status >= 500:
            return warning("Speech engine", f"{where}: it answers {status}", "Look again soon.")
        case openai.APIStatusError():
            return ok("Speech engine", f"{where}, reached")
    return warning("Speech engine", f"{where}: no list of models", "Check OPENAI_BASE_URL.")


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
