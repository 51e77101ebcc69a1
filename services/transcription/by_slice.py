"""What was said in each numbered slice of a recording."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.interviews.transcript import Segment, Span, Transcript, Utterance
from services.recordings.ports.arrivals import KeptSlice
from services.transcription.together import segments_of


@dataclass(frozen=True, slots=True)
class SliceHeard:
    """The words whose middle lies in a slice, and how much of it somebody speaks, 0 to 1."""

    index: int
    text: str
    speech_ratio: float


@dataclass(frozen=True, slots=True)
class Known:
    """What was said in a recording up to a second of it."""

    segments: tuple[Segment, ...]
    heard: tuple[Span, ...]
    until: float

    @classmethod
    def of_settled(cls, utterances: Sequence[Utterance], until: float) -> "Known":
        """Of two channels the first one's: it is the answer."""
        first = [one for one in utterances if not one.channel]
        return cls(tuple(segments_of(first)), tuple(span for one in first for span in one.heard), until)

    @classmethod
    def of_whole(cls, transcript: Transcript) -> "Known":
        return cls(transcript.segments, transcript.heard, float("inf"))


def by_slice(slices: Sequence[KeptSlice], known: Known) -> list[SliceHeard]:
    """Of the slices that are transcribed to their end; of those whose place in the recording cannot be told, none."""
    placed = [(index, place) for index, place in _places(slices) if place.end <= known.until]
    places = [place for _, place in placed]
    starts = [place.start for place in places]
    said, spoken = _said(known.segments, places, starts), _spoken(known.heard, places, starts)
    return [
        SliceHeard(
            index, " ".join(words).strip(), round(min(1.0, seconds / place.seconds), 3) if place.seconds else 0.0
        )
        for (index, place), words, seconds in zip(placed, said, spoken, strict=True)
    ]


def _said(segments: Sequence[Segment], places: Sequence[Span], starts: Sequence[float]) -> list[list[str]]:
    """In each place the words whose middle lies there."""
    said: list[list[str]] = [[] for _ in places]
    for word in _timed(segments):
        middle = (word.start + word.end) / 2
        at = bisect_right(starts, middle) - 1
        if at >= 0 and middle < places[at].end:
            said[at].append(word.text.strip())
    return said


def _spoken(heard: Sequence[Span], places: Sequence[Span], starts: Sequence[float]) -> list[float]:
    """In each place the seconds in which somebody speaks."""
    spoken = [0.0] * len(places)
    for span in heard:
        at = max(0, bisect_right(starts, span.start) - 1)
        while at < len(places) and starts[at] < span.end:
            spoken[at] += max(0.0, min(span.end, places[at].end) - max(span.start, starts[at]))
            at += 1
    return spoken


def _places(slices: Sequence[KeptSlice]) -> Iterator[tuple[int, Span]]:
    """Where each lies, by how long those before it are; once one says neither that nor its times, nothing more."""
    at = 0.0
    for number, slice in enumerate(sorted(slices, key=lambda one: one.index)):
        seconds = slice.duration
        if seconds is None and slice.start is not None and slice.end is not None:
            seconds = slice.end - slice.start
        if slice.index != number or seconds is None or seconds < 0:
            return
        yield slice.index, Span(at, at + seconds)
        at += seconds


def _timed(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Words with their times, where these are told."""
    for segment in segments:
        if segment.words:
            yield from (Segment(text=word.text, start=word.start, end=word.end) for word in segment.words)
        else:
            yield segment
