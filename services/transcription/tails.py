"""What is being said right now, read again and again: what stands before a pause is read once.

It is a first reading of a stretch that is not complete, so that nothing of it is settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from services.interviews.transcript import Segment, Span, Transcript, Utterance, moved
from services.transcription.coverage import up_to
from services.transcription.ports import RATE, Activity, Recording

# So long somebody is silent behind what is not read again, and so much of what follows is there.
LEAST_PAUSE, LEAST_BEHIND = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class Tail:
    """What was read behind what is settled; `kept` is what stands before `until`, a second of the recording."""

    said: Utterance
    until: float
    kept: tuple[Segment, ...] = ()

    def goes_on(self, number: int) -> "Tail | None":
        """Itself, if it is of the stretch with this number."""
        return self if self.said.number == number else None


@dataclass(frozen=True, slots=True)
class Unread:
    """Of a stretch that begins at `start` what is to be read, from the second `at` of the recording on.

    In its seconds, with the `spans` that are to be read; `heard` is where somebody speaks in the stretch.
    """

    number: int
    start: float
    at: float
    recording: Recording
    spans: list[Span]
    heard: list[Span]
    kept: tuple[Segment, ...]

    @classmethod
    def of(cls, number: int, start: float, pcm: bytes, activity: Activity, before: Tail | None) -> "Unread":
        """All of the stretch, or what is behind what was read before."""
        first = before.until - start if before else 0.0
        left = pcm[2 * round(first * RATE) :]
        spans = [Span(max(0.0, span.start - first), span.end - first) for span in activity.spans if span.end > first]
        recording, kept = Recording(left, len(left) / (2 * RATE)), before.kept if before else ()
        return cls(number, start, start + first, recording, spans, activity.heard, kept)

    def read(self, said: Transcript) -> Tail:
        """The whole tail, of which this is the rest."""
        rest = moved(said, self.at)
        text = " ".join(one for one in (*(segment.text for segment in self.kept), rest.text) if one)
        duration = self.at - self.start + self.recording.duration
        segments = (*self.kept, *rest.segments)
        whole = replace(rest, text=text, segments=segments, duration=duration, no_speech=not text)
        utterance = Utterance(number=self.number, start=self.start, transcript=whole, heard=tuple(self.heard))
        until = _pause(self.heard, self.at - self.start, duration)
        is_timed = bool(rest.segments) or not rest.text
        more = _before(rest.segments, self.start + until) if until is not None and is_timed else None
        if more is None or until is None:
            return Tail(utterance, self.at, self.kept)
        return Tail(utterance, self.start + until, (*self.kept, *more))


def _pause(heard: Sequence[Span], after: float, duration: float) -> float | None:
    """The middle of the last pause that is long enough, with enough behind it."""
    pauses = [(one.end, later.start) for one, later in pairwise(heard)]
    enough = [
        (start + end) / 2
        for start, end in pauses
        if start > after and end - start >= LEAST_PAUSE and duration - end >= LEAST_BEHIND
    ]
    return enough[-1] if enough else None


def _before(segments: Sequence[Segment], moment: float) -> tuple[Segment, ...] | None:
    """What is said before a moment; None where that cannot be told from the rest."""
    found: list[Segment] = []
    for segment in segments:
        if segment.end <= moment:
            found.append(segment)
        elif segment.start < moment:
            if not segment.words:
                return None
            found += up_to(segment, sum((word.start + word.end) / 2 < moment for word in segment.words))
    return tuple(found)
