"""What of a transcript may be quoted, and whether somebody's quote stands in it."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from services.interviews.text import has_words, inside_word, of_word
from services.interviews.transcript import Segment, Transcript, Verdict

_PLAIN = dict.fromkeys("‘’‚‛′`´ʼ", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-") | {"…": "..."}
LEAST_WORDS = 2
LONGEST_QUOTE = 600
OMITTED, FOLDED_OMITTED = "[…]", "[...]"
UNUSABLE = (Verdict.SUSPECTED, Verdict.INCOMPLETE)


def quotable(transcript: Transcript) -> str:
    """The text without what nobody may have said; a mark stands where that, or speech without text, is left out.

    No quote crosses a mark, so that each stands in the whole text as well.
    """
    if transcript.verdict not in UNUSABLE:
        return transcript.text
    if not transcript.segments:
        return "" if transcript.verdict is Verdict.SUSPECTED else transcript.text
    runs = [list(run) for usable, run in groupby(_places(transcript), key=itemgetter(0)) if usable]
    return f"\n{OMITTED}\n".join(transcript.text[run[0][1] : run[-1][2]] for run in runs)


def usable_share(transcript: Transcript) -> float | None:
    """How much of the time in which somebody speaks has a text that may be quoted, from 0 to 1; None if not known."""
    if not transcript.segments:
        return {Verdict.SUSPECTED: 0.0, Verdict.INCOMPLETE: None}.get(transcript.verdict or Verdict.OK, 1.0)
    seconds = [(segment.end - segment.start, _is_usable(segment)) for segment in transcript.segments]
    whole = sum(length for length, _ in seconds)
    return round(sum(length for length, usable in seconds if usable) / whole, 3) if whole > 0 else 1.0


def _places(transcript: Transcript) -> Iterator[tuple[bool, int, int]]:
    """Of each segment whether it may be quoted, and where it begins and ends in the text."""
    at = 0
    for segment in transcript.segments:
        start = transcript.text.find(segment.text, at)
        end = start + len(segment.text) if start >= 0 else at
        yield start >= 0 and _is_usable(segment), start, end
        at = end


def _is_usable(segment: Segment) -> bool:
    return segment.verdict not in UNUSABLE


class Searchable:
    """What was said, made ready once to be searched for many quotes."""

    def __init__(self, text: str) -> None:
        self._original = text
        self._text, self._origins = _folded(text)
        self.least_words = LEAST_WORDS if has_words(self._text, LEAST_WORDS) else 1

    def find(self, quote: str) -> tuple[int, int] | None:
        """Where the transcript says what the quote repeats, or None.

        Case, white space, typographic quotes and dashes, and punctuation at the quote's edges make no
        difference; any other difference does. A quote of one word proves nothing unless the transcript
        is one word, and one of more than LONGEST_QUOTE characters points at nothing. No quote crosses
        what is omitted.
        """
        wanted = _without_edges(_folded(quote[: 2 * LONGEST_QUOTE])[0])
        if len(quote) > 2 * LONGEST_QUOTE or not has_words(wanted, self.least_words) or FOLDED_OMITTED in wanted:
            return None
        start = self._text.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            if not inside_word(self._text, start) and not inside_word(self._text, end):
                first, last = self._origins[start], self._origins[end - 1] + 1
                return (first, last) if last - first <= LONGEST_QUOTE else None
            start = self._text.find(wanted, start + 1)
        return None


def find_quote(quote: str, transcript: str) -> str | None:
    """The stretch of the transcript that the quote repeats, in the transcript's own characters, or None."""
    found = Searchable(transcript).find(quote)
    return None if found is None else transcript[slice(*found)]


def _folded(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and for each of its characters the place it comes from."""
    chars: list[str] = []
    origins: list[int] = []
    for place, char in enumerate(text):
        for folded in _fold(char):
            if folded != " " or (chars and chars[-1] != " "):
                chars.append(folded)
                origins.append(place)
    return "".join(chars), origins


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) == "Cf":
        return ""
    plain = unicodedata.normalize("NFD", _PLAIN.get(char, char)).casefold()
    return unicodedata.normalize("NFD", plain)


def _without_edges(text: str) -> str:
    inner = [at for at, char in enumerate(text) if of_word(char)]
    return text[inner[0] : inner[-1] + 1] if inner else ""
