"""The scorer that needs no network: which key points does the answer mention, and in which words?

It measures coverage, not meaning: a key point is covered where most of its content words, stemmed, stand in one or
two neighbouring sentences and both are negated or neither is. It does not know synonyms, and it believes what it reads.
Its work grows with the length of the answer and not faster, whatever stands in it.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import pairwise

from services.analysis.evidence import LEAST_WORDS, LONGEST_QUOTE, OMITTED
from services.analysis.words import WORD, Reader, looks_like
from services.interviews.language import Language
from services.interviews.model import Evaluation, Feedback, KeyPoint, Question
from services.interviews.text import has_words
from services.interviews.transcript import Transcript

NAME = "coverage/2"
LEAST_SHARE = 0.6
LONGEST_SENTENCE = 40
MOST_READ = 200_000
MOST_TRIED = 8
NOT_MENTIONED = "No sentence of the answer mentions this."
NEGATED = "The answer mentions this, but either the key point or the quote is negated and the other is not."
SAME_WORDS = "The words that mention this count for another point already."


class CoverageScorer:
    """A Scorer: 100 times the weight of the covered key points by the weight of all; no evidence, no score."""

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        """Every quote is cut out of the transcript; the same question and transcript always score the same."""
        return await asyncio.to_thread(evaluate, question, transcript.text, transcript.language)


def evaluate(question: Question, transcript: str, language: Language | None = None) -> Evaluation:
    """What the scorer says, worked out at once; a long answer takes the better part of a second.

    It is read in the language that the engine heard, else in the question's, else in the one it looks like.
    """
    if not transcript.strip():
        return Evaluation(score=None, reason="no_speech", scorer=NAME)
    total = sum(point.weight for point in question.key_points)
    if total <= 0:
        return Evaluation(score=None, reason="no_key_points", scorer=NAME)
    answer = Answer(transcript[:MOST_READ], Reader(language or question.language or looks_like(transcript[:MOST_READ])))
    feedback = tuple(answer.feedback(point) for point in question.key_points)
    covered = sum(each.weight for each in feedback if each.covered)
    if covered <= 0:
        return Evaluation(score=None, feedback=feedback, reason="insufficient_evidence", scorer=NAME)
    return Evaluation(score=round(100 * covered / total, 1), feedback=feedback, scorer=NAME)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the transcript that may cover a key point."""

    start: int
    quote: str
    stems: frozenset[str]
    negated: bool


@dataclass(slots=True)
class Answer:
    """A transcript with its windows, found by their stems, and the words of it that count already."""

    transcript: str
    reader: Reader
    windows: list[Window] = field(init=False)
    having: dict[str, list[int]] = field(init=False)
    quotes: set[str] = field(default_factory=set, init=False)
    spent: set[int] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.windows = list(_windows(self.transcript, self.reader))
        self.having = defaultdict(list)
        for number, window in enumerate(self.windows):
            for stem in window.stems:
                self.having[stem].append(number)

    def feedback(self, point: KeyPoint) -> Feedback:
        """What is said of a point; the words that show it then count for no other point by themselves."""
        wanted, negated = self.reader.stems(point.text), self.reader.is_negated(point.text)
        near = self._near(wanted, negated)
        if not near:
            return Feedback(point=point.text, covered=False, weight=point.weight, comment=NOT_MENTIONED)
        if near[0].negated is not negated:
            return self._not_covered(point, near[0].quote, NEGATED)
        for window in near:
            quote = self._spend(window, wanted) if window.negated is negated else None
            if quote is not None:
                return Feedback(point=point.text, covered=True, quote=quote, weight=point.weight)
        return self._not_covered(point, near[0].quote, SAME_WORDS)

    def _near(self, wanted: frozenset[str], negated: bool) -> list[Window]:
        """The windows with enough of these stems, the best first."""
        met = Counter(number for stem in wanted for number in self.having.get(stem, ()))
        least = max(1, LEAST_SHARE * len(wanted))
        near = (number for number, count in met.items() if count >= least)
        best = nlargest(MOST_TRIED, near, key=lambda number: (*self._worth(number, negated, met[number]), -number))
        return [self.windows[number] for number in best]

    def _worth(self, number: int, negated: bool, count: int) -> tuple[bool, int, int]:
        window = self.windows[number]
        return window.negated is negated, count, -len(window.quote)

    def _spend(self, window: Window, wanted: frozenset[str]) -> str | None:
        """A quote of which a word counts for the first time, and which is no other point's; None if there is none."""
        places = self.reader.places(window.quote, wanted)
        words = {window.start + start for start, _ in places}
        narrow = window.quote[places[0][0] : places[-1][1]] if places else ""
        quote = next((quote for quote in (window.quote, narrow) if self._is_free(quote)), None)
        if quote is None or words <= self.spent:
            return None
        self.quotes.add(quote)
        self.spent |= words
        return quote

    def _is_free(self, quote: str) -> bool:
        return quote not in self.quotes and has_words(quote, _least_words(self.transcript))

    def _not_covered(self, point: KeyPoint, quote: str, comment: str) -> Feedback:
        return Feedback(point=point.text, covered=False, quote=quote, weight=point.weight, comment=comment)


def _windows(transcript: str, reader: Reader) -> Iterator[Window]:
    """Every clause, every sentence, and every two sentences side by side, so far as they can be quoted."""
    sentences = list(_sentences(transcript))
    pairs = [(first[0], second[1]) for first, second in pairwise(sentences)]
    clauses = [clause for sentence in sentences for clause in _clauses(transcript, *sentence)]
    least = _least_words(transcript)
    for start, end in dict.fromkeys([*clauses, *sentences, *pairs]):
        whole = transcript[start:end]
        quote = whole.strip(EDGES)
        if OMITTED not in quote and len(quote) <= LONGEST_QUOTE and has_words(quote, least):
            begins = start + len(whole) - len(whole.lstrip(EDGES))
            yield Window(begins, quote, reader.stems(quote), reader.is_negated(quote))


def _least_words(transcript: str) -> int:
    """How many words a quote has at least: one alone proves something only where no more was said."""
    return LEAST_WORDS if has_words(transcript, LEAST_WORDS) else 1


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences stand; speech without full stops is cut after so many words."""
    for start, end in pairwise([0, *(found.end() for found in END.finditer(text)), len(text)]):
        words = [word.start() for word in WORD.finditer(text, start, end)]
        if words:
            yield from pairwise([*words[::LONGEST_SENTENCE], end])


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a sentence that are set against each other, so that the `not` of one is not the other's."""
    cuts = [start, *(cut.start() for cut in CONTRAST.finditer(text, start, end)), end]
    return pairwise(cuts)


# Each of these looks at few letters from any place, so that no answer makes them look at the same ones many times.
END = re.compile(r"[.!?…](?=\s|$)|[。！？\n]")
CONTRAST = re.compile(
    r"[;:]\s|\s[-–—]\s|,?\s(?=(?:but|although|though|however|whereas|sondern|pero|sino)\b)"
    r"|,\s?(?=(?:while|yet|aber|doch|mais|ma|mas|maar|но|а)\b)",
    re.IGNORECASE,
)
EDGES = " \t\r\n,;:-–—"
