"""What there is to know of a kind of speech engine; a new kind is one class and its name in the list of kinds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from app.config import Settings
from app.finding import Finding
from app.jobs import HARD_LIMIT
from services.throttle import Throttle
from services.transcription.ports import SpeechEngine
from services.transcription.stretches import LIVE, Length


async def nothing() -> None:
    """For an engine that has nothing to load or to close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpeech:
    """An engine with what goes before its first recording and after its last, and what holds its calls back.

    One that `takes_prompt` is told the words before a stretch; `live` is how long stretches of what still arrives are.
    `about` says where it computes and how fast, once that is known; `deadline` how long a stretch of one may take.
    """

    engine: SpeechEngine
    throttle: Throttle
    takes_prompt: bool = False
    live: Length = LIVE
    about: Callable[[], str] = str
    deadline: Callable[[], float] = lambda: HARD_LIMIT
    warm_up: Callable[[], Awaitable[None]] = nothing
    close: Callable[[], Awaitable[None]] = nothing


class SpeechKind(Protocol):
    """A kind of speech engine under the settings."""

    def __init__(self, settings: Settings) -> None: ...

    @property
    def name(self) -> str:
        """The kind and its model, as operators see them."""

    @property
    def slots(self) -> int:
        """How many transcriptions one worker process does at once."""

    @property
    def in_hand(self) -> int:
        """How many recordings one worker process takes on: some are prepared while others are transcribed."""

    @property
    def lack(self) -> str:
        """What the settings lack, as a sentence that names the variable; empty if nothing."""

    def open(self) -> OpenSpeech:
        """An engine; nothing is read or reached yet."""

    async def look(self, today: date) -> list[Finding]:
        """Whether it could transcribe now, and for how long it will."""
