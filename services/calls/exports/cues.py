"""Turns in pieces that can be read while they are spoken, as subtitles show them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.calls.turns import Turn
from services.interviews.model import CallSide
from services.interviews.transcript import Word

MOST_SECONDS = 7.0
MOST_CHARACTERS = 84  # two lines of a subtitle
LEAST_SECONDS = 0.002  # so that its end is written as another thousandth than its start
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
UNREAD = "[not understood]"


@dataclass(frozen=True, slots=True)
class Cue:
    """One line of text, never empty, for some time, never none."""

    speaker: CallSide
    start: float
    end: float
    text: str


def cues(turns: Sequence[Turn]) -> list[Cue]:
    """In the order in which they begin."""
    return sorted((cue for turn in turns for cue in _of(turn)), key=lambda cue: cue.start)


def _of(turn: Turn) -> Iterator[Cue]:
    for burst in turn.bursts:
        text = _in_one_line(burst.text)
        places = _places(text, burst.words)
        if not places:
            yield _cue(turn.speaker, burst.start, burst.end, text or UNREAD)
            continue
        for first, last in _runs(places):
            end = places[last + 1][0] if last + 1 < len(places) else len(text)
            start_at = burst.start if first == 0 else places[first][1].start
            end_at = burst.end if last + 1 == len(places) else places[last][1].end
            yield _cue(turn.speaker, start_at, end_at, text[places[first][0] if first else 0 : end].strip())


def _in_one_line(text: str) -> str:
    """Without what no line of text has."""
    return " ".join(CONTROLS.sub(" ", text).split())


def _cue(speaker: CallSide, start: float, end: float, text: str) -> Cue:
    return Cue(speaker, start, max(end, start + LEAST_SECONDS), text)


def _places(text: str, words: Sequence[Word]) -> list[tuple[int, Word]]:
    """Where in the text each word stands; none where they are not its words."""
    found: list[tuple[int, Word]] = []
    at = 0
    for word in words:
        spoken = _in_one_line(word.text)
        start = text.find(spoken, at)
        if start < 0:
            return []
        found.append((start, word))
        at = start + len(spoken)
    return found


def _runs(places: Sequence[tuple[int, Word]]) -> Iterator[tuple[int, int]]:
    """The first and the last word of each piece."""
    first = 0
    for number, (at, word) in enumerate(places):
        is_long = word.end - places[first][1].start > MOST_SECONDS
        is_wide = at + len(word.text) - places[first][0] > MOST_CHARACTERS
        if number > first and (is_long or is_wide):
            yield first, number - 1
            first = number
    yield first, len(places) - 1
