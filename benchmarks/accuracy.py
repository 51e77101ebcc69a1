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


def rights_and_wrongs(said: str, pieces: list[str]) -> list[tuple[int, int]]:
    """Of each piece of what was heard how many of its words were said in this place, and how many were not."""
    owners = [number for number, piece in enumerate(pieces) for _ in _words(piece).split()]
    found = [[0, 0] for _ in pieces]
    if owners:
        for chunk in jiwer.process_words(_words(said), " ".join(_words(piece) for piece in pieces)).alignments[0]:
            for place in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                found[owners[place]][chunk.type != "equal"] += 1
    return [(right, wrong) for right, wrong in found]


def count(texts: list[str]) -> int:
    """How many words there are."""
    return sum(len(_words(text).split()) for text in texts)


def _words(text: str) -> str:
    plain = re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'", "").replace("’", ""))
    return " ".join(SPELLED.get(word, word) for word in plain.split())
