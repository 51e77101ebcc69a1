"""What one side says without a pause, out of its transcript: its text, its words, and when there is voice."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from services.interviews.transcript import Segment, Span, Transcript, Word

PAUSE_SECONDS = 0.5
LATE_SECONDS = 0.04  # that voice activity goes on hearing somebody who is silent: the median of 34 clips
SLACK_SECONDS = 0.5  # an engine's times of words are off by so much, seldom by more
# Between two words: what closes the one, what parts them, and what was said there that is none of the engine's words.
GAP = re.compile(r"(\S*)(\s*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Where it goes on without a gap in the text, `glue` is what stands before it there."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    glue: str = " "

    def between(self, after: "Burst") -> str:
        """What stands between its text and that of the next one."""
        return after.glue if self.text and after.text else ""


def bursts_of(transcript: Transcript | None) -> list[Burst]:
    """In the order of the text, none beginning before one that stands before it."""
    if transcript is None:
        return []
    units = list(_units(transcript))
    voice = _Voice(transcript.heard)
    placed = [voice.trimmed(unit) for unit in units]
    groups = [_joined(group) for group in _groups(_in_order(placed))]
    return list(voice.fitted(groups))


def _units(transcript: Transcript) -> Iterator[Burst]:
    """Words, or segments whose words are not known or are not those of their text; or all of it, where nothing is."""
    if not transcript.segments:
        if transcript.text:
            heard = transcript.heard or (Span(0.0, transcript.duration),)
            yield Burst(start=heard[0].start, end=heard[-1].end, text=transcript.text)
        return
    for segment in transcript.segments:
        yield from _words(segment) or [Burst(start=segment.start, end=segment.end, text=segment.text.strip())]


def _words(segment: Segment) -> list[Burst]:
    found: list[Burst] = []
    at = 0
    for word in segment.words:
        text = word.text.strip()
        start = segment.text.find(text, at)
        if not text or start < 0:
            return []
        closing, glue, untold = GAP.findall(segment.text[at:start])[0]
        if found:
            found[-1] = replace(found[-1], text=found[-1].text + closing)
        else:
            glue, untold = " ", segment.text[:start].lstrip()
        at = start + len(text)
        own = (replace(word, text=text),)
        found.append(Burst(start=word.start, end=word.end, text=untold + text, words=own, glue=glue))
    if found:
        rest = segment.text[at:].rstrip()
        found[-1] = replace(found[-1], text=found[-1].text + rest)
    return found


def _in_order(units: Sequence[Burst]) -> Iterator[Burst]:
    """Whatever an engine tells, time does not run back along the text."""
    latest = 0.0
    for unit in units:
        start = max(latest, unit.start)
        latest, end = start, max(start, unit.end)
        yield _moved(unit, start, end)


def _groups(units: Iterator[Burst]) -> Iterator[list[Burst]]:
    group: list[Burst] = []
    until = 0.0
    for unit in units:
        if group and unit.start - until >= PAUSE_SECONDS:
            yield group
            group = []
        group.append(unit)
        until = max(until, unit.end) if len(group) > 1 else unit.end
    if group:
        yield group


def _joined(group: Sequence[Burst]) -> Burst:
    text = group[0].text
    for unit in group[1:]:
        text += (unit.glue if text and unit.text else "") + unit.text
    return Burst(
        start=group[0].start,
        end=max(unit.end for unit in group),
        text=text,
        words=tuple(word for unit in group for word in unit.words),
        glue=group[0].glue,
    )


class _Voice:
    """When voice activity heard somebody on this side; without it times stay as the engine tells them."""

    def __init__(self, heard: Sequence[Span]) -> None:
        self.starts = [span.start for span in heard]
        self.ends = [max(span.start, span.end - LATE_SECONDS) for span in heard]

    def trimmed(self, unit: Burst) -> Burst:
        """Of what begins or ends in silence, the part with voice; as it is where there is none."""
        first = bisect_right(self.ends, unit.start)
        last = bisect_left(self.starts, unit.end) - 1
        if first >= len(self.starts) or last < 0:
            return unit
        start, end = max(unit.start, self.starts[first]), min(unit.end, self.ends[last])
        return _moved(unit, start, end) if start < end else unit

    def fitted(self, bursts: Sequence[Burst]) -> Iterator[Burst]:
        """Each from where voice begins to where it ends: what is right before and behind it and no other's included."""
        before = 0.0
        for burst, following in zip_longest(bursts, bursts[1:]):
            after = following.start if following is not None else float("inf")
            start, end = self._onset(burst, before), self._offset(burst, after)
            before = max(start, end)
            yield _within(burst, start, before)

    def _onset(self, burst: Burst, earliest: float) -> float:
        at = bisect_right(self.ends, burst.start)
        if at == len(self.starts) or self.starts[at] >= burst.end:
            return burst.start
        onset = self.starts[at]
        is_near = onset >= burst.start - SLACK_SECONDS and onset >= earliest
        return onset if is_near else burst.start

    def _offset(self, burst: Burst, latest: float) -> float:
        at = bisect_left(self.starts, burst.end) - 1
        if at < 0 or self.ends[at] <= burst.start:
            return burst.end
        offset = self.ends[at]
        is_near = offset <= burst.end + SLACK_SECONDS and offset <= latest
        return offset if is_near else burst.end


def _moved(unit: Burst, start: float, end: float) -> Burst:
    if (start, end) == (unit.start, unit.end):
        return unit
    words = tuple(replace(word, start=start, end=end) for word in unit.words)
    return replace(unit, start=start, end=end, words=words)


def _within(burst: Burst, start: float, end: float) -> Burst:
    def near(moment: float) -> float:
        return min(max(moment, start), end)

    def within(word: Word) -> Word:
        if start <= word.start and word.end <= end:
            return word
        return replace(word, start=near(word.start), end=near(word.end))

    words = tuple(map(within, burst.words))
    return replace(burst, start=start, end=end, words=words)
