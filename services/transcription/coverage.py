"""Whether all that is spoken has a text, by the times of both.

An engine may end a text seconds before the speech ends, or draw a word out
over what it leaves out, and tell nobody; only voice activity, which knows no
words, can tell.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from services.interviews.text import has_words
from services.interviews.transcript import Segment, Span, Transcript, Word

AROUND_SECONDS = 0.3
LEAST_SECONDS = 0.6
AIR_SECONDS = 0.2
LONGEST_WORD, LONGEST_LETTER = 0.6, 0.07
LEAST_WORDS_A_SECOND, FEW_SECONDS = 0.5, 5.0
BIT_SECONDS = 25.0
CERTAIN_WORD = 0.8


@dataclass(frozen=True, slots=True)
class Gap:
    """Speech without a text of its own: `span` is to be read again.

    Where a word was drawn out over it, that word and the rest of its segment are in doubt as well.
    """

    span: Span
    within: Segment | None = None
    word: int = 0

    @property
    def in_doubt(self) -> tuple[Word, ...]:
        return self.within.words[self.word :] if self.within else ()


def gaps(heard: list[Span], transcript: Transcript) -> list[Gap]:
    """Speech of some length that no text covers; none where the engine tells no times."""
    if transcript.text and not transcript.segments:
        return []
    places = [place for segment in transcript.segments for place in _places(segment)]
    left = (span for span in _without(heard, places) if span.seconds >= LEAST_SECONDS)
    return [_gap(span, transcript.segments, heard) for span in left]


def apart(gaps: list[Gap]) -> list[list[Gap]]:
    """The gaps in lots of which no two overlap; the second is what is read with the rest of a segment in the first."""
    first: list[Gap] = []
    rest: list[Gap] = []
    doubted_until = 0.0
    for gap in gaps:
        if gap.span.start >= doubted_until:
            first.append(gap)
            doubted_until = gap.span.end if gap.within else doubted_until
        elif gap.within is None:
            rest.append(gap)
    return [lot for lot in (first, rest) if lot]


def is_thin(text: str, heard: list[Span]) -> bool:
    """Whether these are too few words for so much speech: all that can be seen where an engine tells no times."""
    seconds = sum(span.seconds for span in heard)
    return seconds >= FEW_SECONDS and not has_words(text, int(LEAST_WORDS_A_SECOND * seconds))


def bits(spans: list[Span]) -> list[Span]:
    """The spans in stretches that are no longer than need be, to be read one by one."""
    found: list[Span] = []
    for span in spans:
        if found and span.end - found[-1].start <= BIT_SECONDS:
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return found


def to_read(gaps: list[Gap], duration: float) -> list[Span]:
    """The gaps with a little air around them, for a word that begins early is heard from its beginning."""
    return [Span(max(0.0, gap.span.start - AIR_SECONDS), min(duration, gap.span.end + AIR_SECONDS)) for gap in gaps]


def filled(transcript: Transcript, gaps: list[Gap], again: list[Segment]) -> Transcript:
    """The first reading with what a second one found in its gaps; what was in doubt goes where there is more."""
    segments = list(transcript.segments)
    for gap in gaps:
        found = [one for one in again if gap.span.start <= (one.start + one.end) / 2 <= gap.span.end]
        said = sum(len(one.words) or len(one.text.split()) for one in found)
        if said <= len(gap.in_doubt):
            continue
        if gap.within is not None:
            where = segments.index(gap.within)
            segments[where : where + 1] = up_to(gap.within, gap.word)
        segments += found
    return _with(transcript, segments)


def shown(transcript: Transcript, gaps: list[Gap]) -> Transcript:
    """What could not be read as segments without text; where the engine itself heard nobody, there is none."""
    missing = [Segment(text="", start=gap.span.start, end=gap.span.end) for gap in gaps if gap.within is None]
    return _with(transcript, [*(one for one in transcript.segments if one.text), *missing])


def without_cut_word(transcript: Transcript) -> Transcript:
    """Without a doubtful last word where the recording breaks off in it: half a word is heard as another.

    One that stands alone stays, and is judged: without it nobody would have spoken.
    """
    last = transcript.segments[-1] if transcript.segments else None
    word = last.words[-1] if last and last.words else None
    if last is None or word is None or word.end < transcript.duration - AROUND_SECONDS:
        return transcript
    if word.probability is None or word.probability >= CERTAIN_WORD:
        return transcript
    left = [*transcript.segments[:-1], *up_to(last, len(last.words) - 1)]
    return _with(transcript, left) if left else transcript


def _with(transcript: Transcript, segments: list[Segment]) -> Transcript:
    ordered = tuple(sorted(segments, key=lambda segment: segment.start))
    text = " ".join(segment.text for segment in ordered if segment.text) if ordered else transcript.text
    return replace(transcript, text=text, segments=ordered, no_speech=not text and not ordered)


def _gap(span: Span, segments: tuple[Segment, ...], heard: list[Span]) -> Gap:
    for number, segment in enumerate(segments):
        if not segment.words or not segment.words[0].start < span.start < segment.words[-1].end:
            continue
        for place, word in enumerate(segment.words):
            if word.start < span.start < word.end:
                following = segments[number + 1].start if number + 1 < len(segments) else float("inf")
                return Gap(Span(word.start, _end(max(segment.end, span.end), following, heard)), segment, place)
    return Gap(span)


def _end(end: float, most: float, heard: list[Span]) -> float:
    """Where the speech that goes on at this moment ends, if no other text begins before."""
    return min(max((span.end for span in heard if span.start <= end <= span.end), default=end), max(end, most))


def up_to(segment: Segment, word: int) -> list[Segment]:
    """The segment up to a word, if there is anything before it."""
    if not word:
        return []
    kept = segment.words[:word]
    return [replace(segment, text=_text_of(segment.text, kept), end=kept[-1].end, words=kept)]


def _text_of(text: str, words: tuple[Word, ...]) -> str:
    """The text up to these words, its first; the words themselves where it writes them in another way."""
    at = 0
    for word in words:
        found = text.find(word.text, at)
        if found < 0:
            return " ".join(one.text for one in words)
        at = found + len(word.text)
    return text[:at]


def _places(segment: Segment) -> Iterator[Span]:
    """What a segment covers: a word as long as one may take to say it, or all of it where the words have no times."""
    if not segment.words:
        yield Span(segment.start - AROUND_SECONDS, segment.end + AROUND_SECONDS)
    for word in segment.words:
        longest = LONGEST_WORD + LONGEST_LETTER * len(word.text)
        yield Span(word.start - AROUND_SECONDS, min(word.end, word.start + longest) + AROUND_SECONDS)


def _without(spans: Iterable[Span], covered: list[Span]) -> Iterator[Span]:
    """What is left of the spans where nothing covers them."""
    ordered = _joined(covered)
    for span in spans:
        start = span.start
        for number in range(bisect_left(ordered, span.start, key=attrgetter("end")), len(ordered)):
            cover = ordered[number]
            if cover.start >= span.end:
                break
            if cover.start > start:
                yield Span(start, cover.start)
            start = max(start, cover.end)
        if start < span.end:
            yield Span(start, span.end)


def _joined(spans: list[Span]) -> list[Span]:
    """The same time in the order of time, without overlaps."""
    found: list[Span] = []
    for span in sorted((one for one in spans if one.seconds > 0), key=attrgetter("start")):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found
