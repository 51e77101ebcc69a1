"""What is a word in a text of any script."""

import unicodedata
from collections.abc import Iterator
from itertools import islice

# Scripts that write no spaces: each of their letters counts as a word.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF))


def has_words(text: str, number: int) -> bool:
    """Whether so many words begin in the text; looks no further than that."""
    return next(islice(_beginnings(text), number - 1, None), None) is not None


def _beginnings(text: str) -> Iterator[int]:
    """Where words begin; an apostrophe begins none."""
    text = text.replace("'", "").replace("’", "")
    return (at for at, char in enumerate(text) if of_word(char) and not is_mark(char) and not inside_word(text, at))


def is_unspaced(char: str) -> bool:
    """Whether the script of this letter writes no spaces between words."""
    return char >= "\u0e00" and any(first <= ord(char) <= last for first, last in _UNSPACED)


def inside_word(text: str, at: int) -> bool:
    """Whether a cut before this place would go through a word."""
    if not 0 < at < len(text) or not of_word(text[at - 1]) or not of_word(text[at]):
        return False
    return is_mark(text[at]) or not (is_unspaced(text[at - 1]) or is_unspaced(text[at]))


def of_word(char: str) -> bool:
    return char.isalnum() or is_mark(char)


def is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")
