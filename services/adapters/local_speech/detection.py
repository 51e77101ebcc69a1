"""Which language is spoken: where to listen for it, and what follows from what the model hears there.

The bounds were measured on short and long speech in ten languages: docs/languages.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from services.adapters.local_speech.windows import Window
from services.interviews.language import Language

MOST_PLACES = 3
SURE = 0.9
MUCH_SECONDS = 1.5
LIKELIEST = 0.8
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class Hearing:
    """How probable the model finds each language in some seconds of speech."""

    probabilities: Mapping[Language, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Detection:
    """The language that is spoken; how probable that is, where it had to be found out."""

    language: Language
    probability: float | None = None

    @property
    def is_sure(self) -> bool:
        return self.probability is None or self.probability >= SURE


def places(windows: Sequence[Window]) -> list[Window]:
    """Where to listen, one after the other until it is sure: windows from all over the recording, long ones first."""
    count = min(MOST_PLACES, len(windows))
    spread = [windows[(2 * number + 1) * len(windows) // (2 * count)] for number in range(count)]
    return sorted(spread, key=lambda window: -window.seconds)


def detected(heard: Sequence[Hearing], among: Sequence[Language], likeliest: Language | None = None) -> Detection:
    """What is spoken, of several languages, of which one may be the likeliest from the start.

    In less than MUCH_SECONDS the model is as sure as ever and often wrong, so that what it hears counts for less there.
    """
    odds = {one: _prior(one, among, likeliest) * exp(_evidence(one, heard)) for one in among}
    best = max(odds, key=odds.__getitem__)
    return Detection(best, round(odds[best] / sum(odds.values()), 3))


def _prior(language: Language, among: Sequence[Language], likeliest: Language | None) -> float:
    if likeliest not in among or len(among) == 1:
        return 1.0
    return LIKELIEST if language == likeliest else (1 - LIKELIEST) / (len(among) - 1)


def _evidence(language: Language, heard: Sequence[Hearing]) -> float:
    """The mean of what was heard, by its seconds, as a logarithm."""
    seconds = sum(one.seconds for one in heard)
    logs = (log(max(one.probabilities.get(language, 0.0), LEAST_PROBABILITY)) for one in heard)
    mean = sum(one.seconds * each for one, each in zip(heard, logs, strict=True)) / seconds
    return min(1.0, seconds / MUCH_SECONDS) * mean
