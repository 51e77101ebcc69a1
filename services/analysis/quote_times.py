"""When a quote was said: from the times of the words that it is made of."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from services.interviews.model import Feedback
from services.interviews.transcript import Segment, Transcript


class Place(NamedTuple):
    """Where something stands in the text, and when it is said."""

    first: int
    last: int
    start: float
    end: float


_first, _last = attrgetter("first"), attrgetter("last")


def with_times(feedback: Iterable[Feedback], transcript: Transcript) -> tuple[Feedback, ...]:
    """The same, each quote with the seconds between which it is said; without where no engine told them."""
    places = list(_places(transcript))
    return tuple(_timed(each, transcript.text, places) for each in feedback)


def _timed(feedback: Feedback, text: str, places: list[Place]) -> Feedback:
    first = text.find(feedback.quote) if feedback.quote else -1
    if first < 0 or feedback.quote is None:
        return feedback
    last = first + len(feedback.quote)
    said = places[bisect_right(places, first, key=_last) : bisect_left(places, last, key=_first)]
    return replace(feedback, start=said[0].start, end=said[-1].end) if said else feedback


def _places(transcript: Transcript) -> Iterator[Place]:
    """Of each word, or of a segment whose words are not known or are not those of its text."""
    at = 0
    for segment in transcript.segments:
        first = transcript.text.find(segment.text, at) if segment.text else -1
        if first < 0:
            continue
        at = first + len(segment.text)
        yield from _words(segment, first) or [Place(first, at, segment.start, segment.end)]


def _words(segment: Segment, first: int) -> list[Place]:
    found: list[Place] = []
    at = 0
    for word in segment.words:
        text = word.text.strip()
        start = segment.text.find(text, at)
        if start < 0:
            return []
        at = start + len(text)
        found.append(Place(first + start, first + at, word.start, word.end))
    return found
