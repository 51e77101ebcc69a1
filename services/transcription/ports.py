"""What turns a recording into text, and text into a score."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.interviews.language import Language
from services.interviews.model import Checkpoint, Entry, Failure, Part, PartId
from services.interviews.transcript import Flaw, Span, Transcript, Utterance
from services.recordings.ports.arrivals import Listened

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Recording:
    """Decoded sound: 16-bit little-endian mono at 16 kHz."""

    pcm: bytes
    duration: float
    flaws: tuple[Flaw, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The codes of its flaws, each once."""
        return tuple(dict.fromkeys(flaw.code for flaw in self.flaws))


@dataclass(frozen=True, slots=True)
class Source:
    """A recording as it is stored: so many bytes, to be read from each of them on."""

    size: int
    read: Callable[[int], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Place:
    """A sample of a recording; `plan` is what a decoder told of it that got there.

    Of a recording with two channels that are not to be mixed it is one of one `channel`: the left is 0.
    With an entry decoding begins there, and tells of other entries on its way.
    """

    samples: int = 0
    plan: bytes = b""
    channel: int | None = None
    entry: Entry | None = None


START = Place()


class Sound(Protocol):
    """A recording that is being decoded: what is known of all of it, and its samples from a place on."""

    @property
    def samples(self) -> int:
        """How many there are of all of it."""

    @property
    def flaws(self) -> tuple[Flaw, ...]: ...

    @property
    def plan(self) -> bytes:
        """What saves another decoder finding it out again."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Where it can be entered, in their order, if it was entered itself."""

    def blocks(self) -> AsyncIterator[bytes]:
        """16-bit little-endian mono at 16 kHz, as it is asked for; no more than a little lies ready."""


class Decoder(Protocol):
    async def decode(self, data: AsyncIterator[bytes], *, most_seconds: float | None = None) -> Recording:
        """A recording that is not large; AudioUnreadable or AudioTooLong, never more work than the caps allow."""

    def listen(self, source: Source, place: Place = START) -> AbstractAsyncContextManager[Sound]:
        """The same in memory that does not grow with the length; what is wrong with it is told before its samples."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Where somebody speaks: `spans`, with air around them, are to be read; `heard` says where text has to be."""

    spans: list[Span]
    heard: list[Span]


class Following(Protocol):
    """Voice activity in a recording that comes block by block; what is open was heard and not closed yet."""

    @property
    def state(self) -> bytes:
        """What whoever goes on behind what was closed needs to know."""

    async def take(self, block: bytes) -> None: ...

    async def pause(self, pcm: bytes, first: float, last: float) -> float:
        """The best moment between two to close what is open, whose samples these are."""

    async def close(self, pcm: bytes) -> Activity:
        """Where somebody speaks in what is open, as far as these samples go; the rest stays open."""


class VoiceActivity(Protocol):
    async def find(self, recording: Recording) -> Activity:
        """No spans where nobody speaks."""

    def follow(self, state: bytes = b"") -> Following:
        """The same of what comes block by block, from its beginning, or behind what had this state."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What an engine is given: a recording in which somebody speaks.

    `language` is what is spoken; beside `languages`, one of which is to be found out, it is the likeliest. What is said
    just now goes first.
    """

    recording: Recording
    spans: list[Span]
    language: Language | None = None
    prompt: str | None = None
    languages: tuple[Language, ...] = ()
    is_first: bool = False


class SpeechEngine(Protocol):
    async def transcribe(self, speech: Speech) -> Transcript:
        """EngineUnavailable and its kind (try again), or EngineRefused."""


class Claims(Protocol):
    """The records as a worker sees them. Each write but the claim is fenced."""

    async def claim(self, id: PartId, owner: str) -> Part | None:
        """Take a part that is due, or whose worker fell silent; raises fence and deliveries."""

    async def attend(self, id: PartId, owner: str, received: int) -> Part | None:
        """Listen to a part while it arrives, if that is due with so many bytes and nobody else does; raises the fence.

        It goes on to arrive. Once it is queued it is nobody else's before the listener lets go, or falls silent.
        """

    async def let_go(self, part: Part, listened: Listened, delay: float, *, failed: bool = False) -> Part | None:
        """The listener's end: it is due again as is told, or once there is more and so many seconds have passed.

        Where `failed`, that counts against trying again before it is complete.
        """

    async def beat(self, id: PartId, fence: int) -> bool:
        """Keep the claim; False if it is lost."""

    async def settle(self, part: Part, utterance: Utterance, checkpoint: Checkpoint) -> Part | None:
        """Keep what was said in a stretch, and that it was listened to. The part stays in work, or its listener's, and
        nothing of what went wrong before counts any more. May be repeated."""

    async def complete(
        self, id: PartId, fence: int, transcript: Transcript, *, scoring_seconds: float | None = None
    ) -> Part | None:
        """processing -> completed, with the transcript, in one write; and claimed for scoring for so long, if told."""

    async def again(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        """processing -> queued, due after so many seconds."""

    async def wait(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        """processing -> queued, due after so many seconds, which are added up; the delivery does not count."""

    async def release(self, id: PartId, fence: int) -> Part | None:
        """processing -> queued at once; the delivery does not count."""

    async def fail(self, id: PartId, fence: int, failure: Failure, *, keep_audio: bool) -> Part | None:
        """processing -> failed."""
