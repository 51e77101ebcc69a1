"""What the model is asked to read, and what it answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.adapters.local_speech.windows import Window
from services.ports.speech import Recording
from services.transcript import Segment

FRAMES_PER_SECOND = 100
PADDING_FRAMES = 300
WHOLE_FRAMES = 3_000
LEAST_LIKENESS = 0.7


@dataclass(frozen=True, slots=True)
class Task:
    """A window of a recording to be read; without a language it is found out."""

    recording: Recording
    window: Window
    language: str | None = None
    prompt: str | None = None
    words: bool = False

    @property
    def frames(self) -> int:
        """How long it is for the encoder, with the padding."""
        frames = int(self.window.seconds * FRAMES_PER_SECOND) + PADDING_FRAMES
        return min(frames + frames % 2, WHOLE_FRAMES)

    def goes_with(self, other: "Task") -> bool:
        """Whether both are read alike, and neither would be padded much for the other."""
        shorter, longer = sorted((self.frames, other.frames))
        alike = (self.language, self.prompt) == (other.language, other.prompt)
        return alike and shorter >= LEAST_LIKENESS * longer

    def sound(self) -> NDArray[np.float32]:
        return self.window.sound(self.recording)

    def after(self, reading: "Reading") -> "Task | None":
        """The task to read what this reading has left, if anything."""
        if reading.read is None:
            return None
        rest = self.window.rest(reading.read)
        return Task(self.recording, rest, reading.language, self.prompt, self.words)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a window says, in times of the recording; what follows after `read` seconds, if any, is not read yet."""

    language: str
    segments: tuple[Segment, ...] = ()
    read: float | None = None
