"""What the model is asked to read, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctranslate2 import StorageView

from services.adapters.local_speech.windows import Window
from services.interviews.language import Language
from services.interviews.transcript import Segment
from services.transcription.ports import Recording

FRAMES_PER_SECOND = 100
PADDING_FRAMES = 600
WHOLE_FRAMES = 3_000

Views = Mapping[Window, StorageView]


@dataclass(frozen=True, slots=True)
class Task:
    """Windows of a recording that are read together, in one language; `views` are there from listening for it."""

    recording: Recording
    windows: tuple[Window, ...]
    language: Language
    prompt: str | None = None
    words: bool = False
    views: Views = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """How long each window is for the encoder, with the padding."""
        return padded(max(window.seconds for window in self.windows))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the windows of a task say, in times of the recording."""

    segments: tuple[Segment, ...] = ()


def padded(seconds: float) -> int:
    """The frames of a window of so many seconds, with the padding."""
    frames = int(seconds * FRAMES_PER_SECOND) + PADDING_FRAMES
    return min(frames + frames % 2, WHOLE_FRAMES)
