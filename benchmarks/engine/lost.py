"""Sentences lost: two clips in one recording, and one of them is not in its text."""

from collections.abc import Iterator

from benchmarks.accuracy import found
from benchmarks.engine.material import Pair
from benchmarks.engine.readers import CALLED, Readers
from benchmarks.results import Result, summary

GOAL, UNIT = "<= 0", "sentences"
COMPARED = ("ours", "default")
SHORT_WORDS = 3
LEAST_FOUND = 0.4


def results(readers: Readers, pairs: list[Pair]) -> Iterator[Result]:
    """None without pairs; else of those of which the model can read both clips alone, whoever asks it."""
    if not pairs:
        return
    clips = list(dict.fromkeys(clip for pair in pairs for clip in (pair.first, pair.second)))
    alone = {side: readers.texts(side, clips) for side in COMPARED}
    readable = {
        clip for texts in alone.values() for clip, text in zip(clips, texts, strict=True) if is_read(clip.text, text)
    }
    counted = [pair for pair in pairs if {pair.first, pair.second} <= readable]
    lost = {side: _lost(counted, readers.texts(side, [pair.both for pair in counted])) for side in COMPARED}
    note = f"of {len(counted)} pairs that the model can read alone, of {len(pairs)}; "
    note += f"{CALLED['default']} loses {lost['default']} of them"
    yield summary(f"engine, {readers.model}, sentences lost in joined pairs", GOAL, UNIT, [float(lost["ours"])], note)


def is_read(said: str, heard: str) -> bool:
    """Whether enough of the longer words are there."""
    return found(said, heard, SHORT_WORDS) >= LEAST_FOUND


def _lost(pairs: list[Pair], texts: list[str]) -> int:
    return sum(
        not (is_read(pair.first.text, text) and is_read(pair.second.text, text))
        for pair, text in zip(pairs, texts, strict=True)
    )
