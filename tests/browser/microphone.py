"""What the browser's microphone hears: the first sentence of a spoken answer, then silence."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.calls.sample import RATE, decoded
from tests.audio import Samples
from tests.system.speech import samples

LEAD_SECONDS = 0.4
# Where the first sentence of each of the demo's answers ends.
ENDS = (4.66, 4.76, 5.24)


@dataclass(frozen=True)
class Spoken:
    """A sentence, and how long a recording must be to hold it."""

    said: str
    sound: Samples

    @property
    def seconds(self) -> int:
        return int(len(self.sound) / RATE + LEAD_SECONDS) + 1


def sentences() -> list[Spoken]:
    found = zip(samples(), ENDS, strict=True)
    return [Spoken(f"{sample.said.split('. ')[0]}.", decoded(sample.audio)[: int(end * RATE)]) for sample, end in found]


@dataclass(frozen=True)
class Microphone:
    """The file that the browser takes for its microphone; read anew each time that is opened."""

    file: Path

    def hears(self, sound: Samples) -> None:
        lead = np.zeros(int(LEAD_SECONDS * RATE), np.int16)
        with wave.open(str(self.file), "wb") as output:
            output.setparams((1, 2, RATE, 0, "NONE", ""))
            output.writeframes(np.concatenate([lead, sound]).tobytes())
