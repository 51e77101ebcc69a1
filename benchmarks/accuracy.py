"""How many words were heard wrongly."""

import re
from itertools import groupby

import jiwer

from benchmarks.samples import Clip

SPELLED = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


def word_errors(clips: list[Clip], texts: list[str]) -> float:
    """Wrong, missing and invented words in percent of those that were said."""
    said, heard = [], []
    for text, some in groupby(zip(clips, texts, strict=True), key=lambda pair: pair[0].text):
        said.append(_words(text))
        heard.append(_words(" ".join(pair[1] for pair in some)))
    return 100 * float(jiwer.process_words(said, heard).wer)


def count(texts: list[str]) -> int:
    """How many words there are."""
    return sum(len(_words(text).split()) for text in texts)


def _words(text: str) -> str:
    plain = re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'", "").replace("’", ""))
    return " ".join(SPELLED.get(word, word) for word in plain.split())
