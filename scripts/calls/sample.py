"""A call to try things with: sentences of the demo's answers, a voice on each side, at times that are known."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from scripts.demo.interview import HERE

RATE = 48_000
Samples = NDArray[np.int16]
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Clip:
    """One sentence: where in which recording it is, from the first to the last sound."""

    audio: str
    first: float
    last: float
    said: str


ASKED = (
    Clip("answer-2.webm", 0.23, 4.58, "Each process has its own memory, and the operating system keeps them apart."),
    Clip("answer-2.webm", 4.89, 7.96, "Threads live inside one process and share the same memory."),
    Clip("answer-2.webm", 8.17, 12.0, "That makes it easy to exchange data, but shared data needs a lock."),
)
ANSWERED = (
    Clip("answer-1.webm", 0.18, 4.62, "An index is a separate structure in the database, usually a tree."),
    Clip(
        "answer-3.webm", 0.17, 5.2, "It means that sending a request two times has the same effect as sending it once."
    ),
    Clip(
        "answer-3.webm",
        14.91,
        20.44,
        "For a payment, I would send a unique key, so that the server can recognize a repeated request.",
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """Who says what, and when, in seconds of the call."""

    speaker: Side
    start: float
    end: float
    said: str


@dataclass(frozen=True, slots=True)
class SampleCall:
    """Both sides, as long as each other."""

    left: Samples
    right: Samples
    lines: tuple[Line, ...]

    @property
    def seconds(self) -> float:
        return len(self.left) / RATE


def sample_call(gaps: tuple[float, ...] = (0.6, 0.8, -0.4), lead: float = 1.0) -> SampleCall:
    """Question, answer and so on, a turn more than there are gaps; each so long after the end of the one before."""
    turns = [(side, clip) for pair in zip(ASKED, ANSWERED, strict=True) for side, clip in zip(SIDES, pair, strict=True)]
    turns = turns[: len(gaps) + 1]
    lines: list[Line] = []
    at = lead
    for (side, clip), gap in zip(turns, (*gaps, 0.0), strict=True):
        end = at + clip.last - clip.first
        lines.append(Line(side, at, end, clip.said))
        at = end + gap
    length = round((max(line.end for line in lines) + 1.0) * RATE)
    sides: dict[Side, Samples] = {side: np.zeros(length, np.int16) for side in SIDES}
    for line, (side, clip) in zip(lines, turns, strict=True):
        sound = _sound(clip)
        start = round(line.start * RATE)
        sides[side][start : start + len(sound)] = sound
    return SampleCall(sides["left"], sides["right"], tuple(lines))


SIDES: tuple[Side, Side] = ("right", "left")


def _sound(clip: Clip) -> Samples:
    return decoded(HERE / clip.audio)[round(clip.first * RATE) : round(clip.last * RATE)]


def decoded(audio: Path) -> Samples:
    """A recording of the repository's own, as it is heard at 48 kHz."""
    converter: Any = av.AudioResampler("s16", "mono", RATE)
    with av.open(str(audio)) as source:
        frames = [*source.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in converter.resample(frame)]
    return np.concatenate(pieces).astype(np.int16)
