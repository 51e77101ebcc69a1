"""Times in a text: the decoder writes one before and after each sentence."""

from collections.abc import Iterator

SECONDS = 0.02
LEAST_SECONDS = 1.0

Sentence = tuple[list[int], float, float]


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
            yield said, start, at
        said, start = [], at
    if said:
        yield said, start, seconds


def unread(tokens: list[int], zero: int, seconds: float) -> float | None:
    """From when on the window has to be read again: two times at the end say that more would follow."""
    if len(tokens) < 3 or min(tokens[-2:]) < zero:
        return None
    end = (tokens[-1] - zero) * SECONDS
    return end if LEAST_SECONDS <= end <= seconds - LEAST_SECONDS else None
