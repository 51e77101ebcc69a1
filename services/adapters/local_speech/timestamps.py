"""Times in a text: the decoder writes one before and after each sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Sentence:
    """The tokens between two times of a window, in seconds."""

    tokens: list[int]
    start: float
    end: float


def sentences(tokens: list[int], zero: int, seconds: float) -> Iterator[Sentence]:
    """The tokens between two times each, and the times; one that is missing is the window's own."""
    said: list[int] = []
    start = 0.0
    for token in tokens:
        if token < zero:
            said.append(token)
            continue
        at = max(start, min((token - zero) * SECONDS, seconds))
        if said:
            yield Sentence(said, start, at)
        said, start = [], at
    if said:
        yield Sentence(said, start, seconds)
