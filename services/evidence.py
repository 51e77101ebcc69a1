"""Whether somebody's quote stands in a transcript, and where."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

# Scripts that write no spaces: each of their letters counts as a word.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF))
_PLAIN = dict.fromkeys("‘’‚‛′`´ʼ", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-") | {"…": "..."}
LEAST_WORDS = 2
LONGEST_QUOTE = 600


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
        is one word, and one of more than LONGEST_QUOTE characters points at nothing.
        """
        wanted = _without_edges(_folded(quote[: 2 * LONGEST_QUOTE])[0])
        if len(quote) > 2 * LONGEST_QUOTE or not has_words(wanted, self.least_words):
            return None
        start = self._text.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            if not _inside_word(self._text, start) and not _inside_word(self._text, end):
                first, last = self._origins[start], self._origins[end - 1] + 1
                return (first, last) if last - first <= LONGEST_QUOTE else None
            start = self._text.find(wanted, start + 1)
        return None


def find_quote(quote: str, transcript: str) -> str | None:
    """The stretch of the transcript that the quote repeats, in the transcript's own characters, or None."""
    found = Searchable(transcript).find(quote)
    return None if found is None else transcript[slice(*found)]


def has_words(text: str, number: int) -> bool:
    """Whether so many words begin in the text; looks no further than that."""
    return next(islice(_beginnings(text), number - 1, None), None) is not None


def _beginnings(text: str) -> Iterator[int]:
    """Where words begin; an apostrophe begins none."""
    text = text.replace("'", "").replace("’", "")
    return (at for at, char in enumerate(text) if _of_word(char) and not _is_mark(char) and not _inside_word(text, at))


def is_unspaced(char: str) -> bool:
    """Whether the script of this letter writes no spaces between words."""
    return char >= "\u0e00" and any(first <= ord(char) <= last for first, last in _UNSPACED)


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
    inner = [at for at, char in enumerate(text) if _of_word(char)]
    return text[inner[0] : inner[-1] + 1] if inner else ""


def _inside_word(text: str, at: int) -> bool:
    """Whether a cut before this place would go through a word."""
    if not 0 < at < len(text) or not _of_word(text[at - 1]) or not _of_word(text[at]):
        return False
    return _is_mark(text[at]) or not (is_unspaced(text[at - 1]) or is_unspaced(text[at]))


def _of_word(char: str) -> bool:
    return char.isalnum() or _is_mark(char)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")
