"""What a speech engine heard: text, and where in the recording it stands."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from services.interviews.language import Language


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word with its place in the recording, in seconds."""

    text: str
    start: float
    end: float
    probability: float | None = None


class Verdict(StrEnum):
    """Whether to believe what was written down: a segment, or all of it."""

    OK = "ok"
    NO_SPEECH = "no_speech"
    LOW_CONFIDENCE = "low_confidence"
    SUSPECTED = "suspected_hallucination"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech with its place in the recording, in seconds; without text where it could not be read.

    The engine's own doubts, where it tells them: the mean natural log probability of its tokens, and how
    probable it found it that nobody speaks.
    """

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    log_probability: float | None = None
    no_speech_probability: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something that is wrong with a recording: since when and for how long, in seconds, where that is known."""

    code: str
    at: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The text of one recording; empty, with `no_speech`, where nobody speaks.

    The language has a probability where the engine found it out, and says how sure it is.
    Its verdict is None until `services/transcription/verdicts.py` has judged it, by the rules of that version.
    Where a recording has two sides, it is the left one's, and has the `right` one's beside it. `heard` is where voice
    activity heard somebody.
    """

    text: str
    language: Language | None
    duration: float
    language_probability: float | None = None
    segments: tuple[Segment, ...] = ()
    no_speech: bool = False
    engine: str = ""
    model: str = ""
    warnings: tuple[str, ...] = field(default=())
    flaws: tuple[Flaw, ...] = ()
    verdict: Verdict | None = None
    verdict_version: str | None = None
    right: "Transcript | None" = None
    heard: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What was said in one stretch of a recording, or of a channel, in its times; `heard` is where somebody speaks.

    The transcript is that of the stretch alone, without a verdict; the flaws, where they are not all told in the end.
    """

    number: int
    start: float
    transcript: Transcript
    heard: tuple[Span, ...] = ()
    channel: int = 0
    flaws: tuple[Flaw, ...] = ()


def silence(duration: float) -> Transcript:
    """The transcript of a recording in which nobody speaks; no engine is asked."""
    return Transcript(text="", language=None, duration=duration, no_speech=True)


def moved(transcript: Transcript, seconds: float) -> Transcript:
    """The transcript of a piece of a recording, with the times that it has in the whole of it."""
    return replace(transcript, segments=tuple(_moved(segment, seconds) for segment in transcript.segments))


def _moved(segment: Segment, seconds: float) -> Segment:
    words = tuple(
        replace(word, start=round(word.start + seconds, 2), end=round(word.end + seconds, 2)) for word in segment.words
    )
    return replace(segment, start=round(segment.start + seconds, 2), end=round(segment.end + seconds, 2), words=words)
