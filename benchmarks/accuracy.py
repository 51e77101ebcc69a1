"""How many words were heard wrongly."""

import re
from dataclasses import dataclass
from itertools import groupby

import jiwer

from benchmarks.samples import Clip

SPELLED = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong with what was heard, in words."""

    substituted: int
    left_out: int
    added: int
    said: int

    @property
    def percent(self) -> float:
        return 100 * (self.substituted + self.left_out + self.added) / self.said

    def __str__(self) -> str:
        return f"{self.percent:.2f} % ({self.substituted} substituted, {self.left_out} left out, {self.added} added)"


def errors(clips: list[Clip], texts: list[str]) -> Errors:
    """Of all clips together; those of one text follow each other and are one."""
    said, heard = [], []
    for text, some in groupby(zip(clips, texts, strict=True), key=lambda pair: pair[0].text):
        said.append(_words(text))
        heard.append(_words(" ".join(pair[1] for pair in some)))
    found = jiwer.process_words(said, heard)
    return Errors(
        found.substitutions, found.deletions, found.insertions, found.hits + found.substitutions + found.deletions
    )


def word_errors(clips: list[Clip], texts: list[str]) -> float:
    """Wrong, missing and invented words in percent of those that were said."""
    return errors(clips, texts).percent


def rights_and_wrongs(said: str, pieces: list[str]) -> list[tuple[int, int]]:
    """Of each piece of what was heard how many of its words were said in this place, and how many were not."""
    owners = [number for number, piece in enumerate(pieces) for _ in _words(piece).split()]
    found = [[0, 0] for _ in pieces]
    if owners:
        for chunk in jiwer.process_words(_words(said), " ".join(_words(piece) for piece in pieces)).alignments[0]:
            for place in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                found[owners[place]][chunk.type != "equal"] += 1
    return [(right, wrong) for right, wrong in found]


def found(said: str, heard: str, longer_than: int = 0) -> float:
    """The share of the words, of more than so many letters, that were heard somewhere; 1 if there are none."""
    words = [word for word in _words(said).split() if len(word) > longer_than]
    there = set(_words(heard).split())
    return sum(word in there for word in words) / len(words) if words else 1.0


def count(texts: list[str]) -> int:
    """How many words there are."""
    return sum(len(_words(text).split()) for text in texts)


def _words(text: str) -> str:
    plain = re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'", "").replace("’", ""))
    return " ".join(SPELLED.get(word, word) for word in plain.split())
