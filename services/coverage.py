"""Whether all that is spoken has a text, by the times of both.

An engine may end a text seconds before the speech ends and tell nobody; only
voice activity, which knows no words, can tell.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from services.transcript import Segment, Span, Transcript

AROUND_SECONDS = 0.3
LEAST_SECONDS = 0.5


def unread(heard: list[Span], transcript: Transcript) -> list[Span]:
    """Speech of some length that no text covers; none where the engine tells no times."""
    if transcript.text and not transcript.segments:
        return []
    return _long(_without(heard, _covered(transcript.segments)))


def completed(transcript: Transcript, again: Transcript, heard: list[Span]) -> Transcript:
    """The first reading with what a second one found in its gaps; what nobody could read is a segment without text."""
    said = sorted((*transcript.segments, *again.segments), key=lambda segment: segment.start)
    missing = [Segment(text="", start=span.start, end=span.end) for span in _long(_without(heard, _covered(said)))]
    segments = tuple(sorted((*(one for one in said if one.text), *missing), key=lambda segment: segment.start))
    text = " ".join(segment.text for segment in segments if segment.text)
    known = transcript if transcript.text else again
    return replace(known, text=text, segments=segments, no_speech=not text and not missing)


def _covered(segments: Iterable[Segment]) -> list[Span]:
    places = [place for segment in segments for place in (segment.words or (segment,))]
    return [Span(place.start - AROUND_SECONDS, place.end + AROUND_SECONDS) for place in places]


def _long(spans: Iterable[Span]) -> list[Span]:
    return [span for span in spans if span.seconds >= LEAST_SECONDS]


def _without(spans: list[Span], covered: list[Span]) -> Iterator[Span]:
    """What is left of the spans where nothing covers them."""
    ordered = sorted(covered, key=lambda span: span.start)
    for span in spans:
        start = span.start
        for cover in ordered:
            if cover.start > start:
                yield Span(start, min(cover.start, span.end))
            start = max(start, cover.end)
            if start >= span.end:
                break
        else:
            yield Span(start, span.end)
