"""Windows: stretches of speech that the model reads in one go, and when in the recording their moments are."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from services.interviews.transcript import Span
from services.transcription.ports import Recording

RATE = 16_000
MOST_SECONDS = 18.0
MOST_TOGETHER = 4
INSTANT = 0.02

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """Some spans of a recording, read as if they followed each other without a pause."""

    spans: tuple[Span, ...]

    @property
    def seconds(self) -> float:
        return _seconds(self.spans)

    def sound(self, recording: Recording) -> Sound:
        """The samples of it, between -1 and 1."""
        samples = np.frombuffer(recording.pcm, np.int16)
        pieces = [samples[int(span.start * RATE) : int(span.end * RATE)] for span in self.spans]
        return np.concatenate(pieces).astype(np.float32) / np.float32(32_768)

    def place(self, start: float, end: float) -> Span:
        """Where in the recording it is what is said between these moments of the window."""
        number, (begin, _) = self._span((start + end) / 2)
        span = self.spans[number]
        first, last = (min(max(span.start + moment - begin, span.start), span.end) for moment in (start, end))
        return Span(round(float(first), 2), round(float(last), 2))

    def stretch(self, start: float, end: float) -> Span:
        """The same of what may go on over several spans, and the pauses between them."""
        first, last = self.place(start, min(end, start + INSTANT)), self.place(max(start, end - INSTANT), end)
        return Span(first.start, last.end)

    def _span(self, moment: float) -> tuple[int, tuple[float, float]]:
        """The span that holds this moment of the window, and which moments it holds."""
        ends = list(accumulate(span.end - span.start for span in self.spans))
        number = min(bisect_right(ends, moment), len(ends) - 1)
        return number, list(pairwise([0.0, *ends]))[number]


def windows(spans: list[Span], most: float = MOST_SECONDS) -> list[Window]:
    """The spans in as few windows as can be, of about the same length, so that they can be read side by side."""
    pieces = [piece for span in spans for piece in _short(span, most)]
    count = ceil(_seconds(pieces) / most)
    if not count:
        return []
    even = _packed(pieces, most, _seconds(pieces) / count)
    return even if len(even) == count else min(even, _packed(pieces, most, most), key=len)


def batches(windows: list[Window]) -> list[tuple[Window, ...]]:
    """The windows in the lots that are read together, at least two where there are two windows.

    What is read together depends on the recording alone, so that its text does not depend on who else waits.
    """
    count = max(ceil(len(windows) / MOST_TOGETHER), min(len(windows), 2))
    cuts = [len(windows) * number // count for number in range(count + 1)] if count else []
    return [tuple(windows[first:last]) for first, last in pairwise(cuts)]


def _short(span: Span, most: float) -> Iterator[Span]:
    """A span without a pause for long is cut all the same."""
    count = max(1, ceil((span.end - span.start) / most))
    cuts = [span.start + (span.end - span.start) * number / count for number in range(count)]
    return (Span(*pair) for pair in pairwise([*cuts, span.end]))


def _packed(pieces: list[Span], most: float, aim: float) -> list[Window]:
    """Windows that end as close to the multiples of the length aimed at as pauses allow, none longer than the most."""
    made: list[list[Span]] = [[]]
    done = 0.0
    for piece in pieces:
        more, end = piece.end - piece.start, aim * len(made)
        if made[-1] and (_seconds(made[-1]) + more > most or abs(done + more - end) > abs(done - end)):
            made.append([])
        made[-1].append(piece)
        done += more
    return [Window(tuple(spans)) for spans in made if spans]


def _seconds(spans: list[Span] | tuple[Span, ...]) -> float:
    return sum(span.end - span.start for span in spans)
