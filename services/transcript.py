"""What a speech engine heard: text, and where in the recording it stands."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word with its place in the recording, in seconds."""

    text: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech with its place in the recording, in seconds."""

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The text of one recording; empty, with `no_speech`, where nobody speaks."""

    text: str
    language: str | None
    duration: float
    segments: tuple[Segment, ...] = ()
    no_speech: bool = False
    engine: str = ""
    model: str = ""
    warnings: tuple[str, ...] = field(default=())


def silence(duration: float) -> Transcript:
    """The transcript of a recording in which nobody speaks; no engine is asked."""
    return Transcript(text="", language=None, duration=duration, no_speech=True)
