"""Whether to believe a transcript: a verdict for each segment of it, and one for all.

Engines tell how probable they found what they wrote, and are sure of much that nobody said. So the rules also look at
what needs no engine: how fast it would have been said, how often it repeats itself, whether anybody speaks there, and
whether all that is spoken has a text. How the bounds were measured, and what they find: docs/verdicts.md.
"""

import zlib
from bisect import bisect_left, bisect_right
from dataclasses import replace
from operator import attrgetter
from statistics import fmean

from services.interviews.text import has_words, is_unspaced
from services.interviews.transcript import Segment, Span, Transcript, Verdict
from services.transcription.coverage import is_thin

VERSION = "4"  # goes up with every change of a rule or a bound

MOST_COMPRESSION = 2.4
MOST_WORDS_A_SECOND, FEW_WORDS = 9.0, 5
# Thai, Lao, Burmese and Khmer write no spaces, and a syllable with several letters; what comes later, with one.
LETTERS_OF_A_SYLLABLE, LAST_ALPHABET = 3, "\u1800"
LEAST_HEARD, AROUND_SECONDS = 0.2, 0.3
LIKELY_SILENCE, SILENT_LOG_PROBABILITY = 0.6, -0.7
SUSPECTED_WORDS, DOUBTED_WORDS = 0.45, 0.75
SUSPECTED_LOG_PROBABILITY, DOUBTED_LOG_PROBABILITY = -1.0, -0.6
DOUBTED_SHARE = 0.25
DOUBTED_LANGUAGE = 0.7


def judged(transcript: Transcript, heard: list[Span]) -> Transcript:
    """The transcript with its verdicts; `heard` is where voice activity says that somebody speaks."""
    segments = tuple(replace(one, verdict=_of_segment(one, heard)) for one in transcript.segments)
    verdict = _of_all(transcript, segments, heard)
    if verdict is Verdict.OK and _may_be_of_another_language(transcript):
        verdict = Verdict.LOW_CONFIDENCE
    return replace(transcript, segments=segments, verdict=verdict, verdict_version=VERSION)


def _of_all(transcript: Transcript, segments: tuple[Segment, ...], heard: list[Span]) -> Verdict:
    """The gravest of its segments' verdicts; doubts count where a good part of it is doubted."""
    if transcript.no_speech:
        return Verdict.NO_SPEECH
    if not segments:
        return _of_text(transcript.text, heard)
    verdicts = {segment.verdict for segment in segments}
    for grave in (Verdict.SUSPECTED, Verdict.INCOMPLETE):
        if grave in verdicts:
            return grave
    doubted = sum(one.end - one.start for one in segments if one.verdict is Verdict.LOW_CONFIDENCE)
    spoken = sum(one.end - one.start for one in segments)
    return Verdict.LOW_CONFIDENCE if doubted > DOUBTED_SHARE * spoken else Verdict.OK


def _may_be_of_another_language(transcript: Transcript) -> bool:
    """Whether the engine is not sure which language is spoken; it writes down any in the one that it takes it for."""
    probability = transcript.language_probability
    return probability is not None and probability < DOUBTED_LANGUAGE


def _of_text(text: str, heard: list[Span]) -> Verdict:
    """All that can be said where the engine tells no times."""
    if _repeats(text) or _is_rushed(text, sum(span.seconds for span in heard)):
        return Verdict.SUSPECTED
    return Verdict.INCOMPLETE if is_thin(text, heard) else Verdict.OK


def _of_segment(segment: Segment, heard: list[Span]) -> Verdict:
    if not segment.text:
        return Verdict.INCOMPLETE
    if _repeats(segment.text) or _is_rushed(segment.text, segment.end - segment.start):
        return Verdict.SUSPECTED
    if _is_unheard(segment, heard) or _is_silence(segment):
        return Verdict.SUSPECTED
    return _of_probability(segment)


def _of_probability(segment: Segment) -> Verdict:
    """By its words, and by all its tokens together; what the engine does not tell raises no doubt."""
    words = [word.probability for word in segment.words if word.probability is not None]
    mean = fmean(words) if words else 1.0
    log = segment.log_probability if segment.log_probability is not None else 0.0
    if mean < SUSPECTED_WORDS or log < SUSPECTED_LOG_PROBABILITY:
        return Verdict.SUSPECTED
    return Verdict.LOW_CONFIDENCE if mean < DOUBTED_WORDS or log < DOUBTED_LOG_PROBABILITY else Verdict.OK


def _repeats(text: str) -> bool:
    """Whether it says the same again and again, as a model does that is caught in a loop."""
    data = text.encode()
    return len(data) > MOST_COMPRESSION * len(zlib.compress(data))


def _is_rushed(text: str, seconds: float) -> bool:
    """Whether nobody speaks so fast."""
    letters = LETTERS_OF_A_SYLLABLE if any(char < LAST_ALPHABET and is_unspaced(char) for char in text) else 1
    return has_words(text, letters * max(FEW_WORDS, int(MOST_WORDS_A_SECOND * seconds) + 1))


def _is_unheard(segment: Segment, heard: list[Span]) -> bool:
    """Whether hardly anybody speaks where this is said to have been said."""
    places = [Span(place.start, place.end) for place in segment.words or (segment,)]
    spoken = sum(_spoken(place, heard) for place in places)
    return spoken < LEAST_HEARD * sum(place.seconds for place in places)


def _spoken(place: Span, heard: list[Span]) -> float:
    """The seconds in which somebody speaks there, with a little around each; `heard` is in the order of time."""
    first = bisect_left(heard, place.start - AROUND_SECONDS, key=attrgetter("end"))
    last = bisect_right(heard, place.end + AROUND_SECONDS, key=attrgetter("start"))
    return sum(_shared(place, heard[number]) for number in range(first, last))


def _shared(place: Span, span: Span) -> float:
    start, end = max(place.start, span.start - AROUND_SECONDS), min(place.end, span.end + AROUND_SECONDS)
    return max(0.0, end - start)


def _is_silence(segment: Segment) -> bool:
    """Whether the engine itself thinks that nobody speaks, and is not sure of its words."""
    doubt, trust = segment.no_speech_probability, segment.log_probability
    return doubt is not None and trust is not None and doubt > LIKELY_SILENCE and trust < SILENT_LOG_PROBABILITY
