"""What a failed call means for us. Nothing of the answer's own sentences is repeated, only its code.

A recording that is sent was decoded here and packed anew, so that what an
engine will not take is a matter of settings, and never a reason to forget it.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

import openai
import structlog

from services.errors import EngineBusy, EngineRefused, EngineTimeout, EngineUnavailable, TranscriptionProblem
from services.retry_after import seconds_asked

log = structlog.get_logger(__name__)

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_MODEL = re.compile(r"model\w*[_ ].*(decommission|deprecat|not[_ ](found|exist|supported|available)|does not|unknown)")
_ACCOUNT = re.compile(r"quota|billing|credit|payment|account|organi[sz]ation|suspended|deactivat")
_PROMPT = re.compile(r"\bprompt\b")
_FORMAT = re.compile(r"response_format|verbose_json|timestamp_granularit|only\W+json")

REPAIRS = {
    401: "The speech engine refuses the key. Check OPENAI_API_KEY.",
    403: "The speech engine refuses the key for this. Check what OPENAI_API_KEY may do.",
    404: "The speech engine knows no such model or address. Check OPENAI_SPEECH_MODEL and OPENAI_BASE_URL.",
}
MODEL = "The speech engine does not serve this model. Check OPENAI_SPEECH_MODEL."
ACCOUNT = "The speech engine refuses the account, or its means are used up. Check the account of OPENAI_API_KEY."
NOT_THE_ENGINE = "What answered is not the speech engine, but something on the way to it. Check OPENAI_BASE_URL."
TOO_LARGE = "The recording is larger than the speech engine takes."
REFUSED = "The speech engine refuses the request as it is."


class Other(Enum):
    """What may be sent in another way."""

    SMALLER = "smaller"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An engine's own words about a call: for a program, but for `words`, which are looked through and never shown."""

    status: int
    code: str = ""
    param: str = ""
    words: str = ""
    is_its_own: bool = True

    @classmethod
    def of(cls, error: openai.APIStatusError) -> Self:
        body = error.body
        if not isinstance(body, dict):
            return cls(error.status_code, is_its_own=isinstance(body, list))
        code, param = (_code(body.get(name)) for name in ("code", "param"))
        code = code or _code(body.get("type"))
        # A rate limit's sentence speaks of account and organisation too.
        words = code if error.status_code == 429 else f"{body}"
        return cls(error.status_code, code, param, words.lower())

    @property
    def other(self) -> Other | None:
        """In which other form the engine may take the same recording."""
        if self.status in (413, 415):
            return Other.SMALLER
        return Other.PLAIN if self.status in (400, 422) and _FORMAT.search(self.words) else None

    @property
    def names_prompt(self) -> bool:
        """Whether the prompt may be what it will not take; one that lists what it takes may name the format too."""
        return self.status in (400, 422) and (self.param == "prompt" or bool(_PROMPT.search(self.words)))

    def problem(self, wait: float | None) -> TranscriptionProblem:
        said = f" It says: {self.code}." if self.code else ""
        if _ACCOUNT.search(self.words) and self.status in (400, 402, 403, 429):
            return EngineUnavailable(ACCOUNT + said)
        if self.status == 429 or (self.status in (503, 529) and wait is not None):
            return EngineBusy(retry_after=wait)
        if self.status in (408, 504):
            return EngineTimeout(retry_after=wait)
        if self.status == 413:
            return EngineRefused(TOO_LARGE + said)
        if self.status in (400, 415, 422):
            return self._refused(said)
        repair = REPAIRS.get(self.status, f"The speech engine failed with status {self.status}.")
        return EngineUnavailable(repair + said, retry_after=wait)

    def _refused(self, said: str) -> TranscriptionProblem:
        if not self.is_its_own:
            return EngineUnavailable(NOT_THE_ENGINE)
        if self.param == "model" or _MODEL.search(self.words):
            return EngineUnavailable(MODEL + said)
        return EngineRefused(REFUSED + said)


def problem_of(error: openai.OpenAIError) -> TranscriptionProblem:
    """What a failed call means for us, with the engine's own code in the log."""
    if isinstance(error, openai.APITimeoutError):
        return EngineTimeout()
    if not isinstance(error, openai.APIStatusError):
        return EngineUnavailable("The speech engine could not be reached.")
    refusal = Refusal.of(error)
    headers = error.response.headers
    problem = refusal.problem(seconds_asked(headers.get("retry-after"), headers.get("date")))
    log.warning("engine refused", status=refusal.status, said=refusal.code, param=refusal.param, code=problem.code)
    return problem


def _code(value: object) -> str:
    """A word for programs, and nothing that could be a sentence or a secret."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) and not value.startswith("sk-") else ""
