"""What a conversation's turns tell: how fast is answered, how long both speak, and who speaks how much."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from services.calls.turns import OTHER, Turn
from services.interviews.model import CallSide
from services.interviews.transcript import Span


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to what the right side said: seconds from the end of the question to the answer's first word.

    Less than none where the answer began before the question was over.
    """

    asked_until: float
    answered_at: float

    @property
    def latency(self) -> float:
        return self.answered_at - self.asked_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Seconds in which there is voice on each side, and on both; `talk_ratio` is the left one's share of all talk.

    None where nobody answers, or nobody speaks.
    """

    left_seconds: float
    right_seconds: float
    overlap_seconds: float
    talk_ratio: float | None
    response_latency: float | None
    responses: tuple[Response, ...] = ()


def talk(turns: Sequence[Turn]) -> Talk:
    """`response_latency` is the median of the latencies."""
    left, right = (_voice(turns, speaker) for speaker in (CallSide.LEFT, CallSide.RIGHT))
    left_seconds, right_seconds = _seconds(left), _seconds(right)
    responses = tuple(_responses(turns))
    return Talk(
        left_seconds=left_seconds,
        right_seconds=right_seconds,
        overlap_seconds=_seconds(_both(left, right)),
        talk_ratio=left_seconds / (left_seconds + right_seconds) if left_seconds + right_seconds else None,
        response_latency=median(one.latency for one in responses) if responses else None,
        responses=responses,
    )


def _responses(turns: Sequence[Turn]) -> Iterator[Response]:
    """What is said wholly while the other one speaks ("mhm") asks nothing and answers nothing."""
    latest = {CallSide.LEFT: 0.0, CallSide.RIGHT: 0.0}
    asked: Turn | None = None
    for turn in turns:
        is_aside = turn.end <= latest[OTHER[turn.speaker]]
        latest[turn.speaker] = max(latest[turn.speaker], turn.end)
        if is_aside:
            continue
        if turn.speaker is CallSide.RIGHT:
            asked = turn
        elif asked is not None:
            yield Response(asked.end, turn.start)
            asked = None


def _voice(turns: Sequence[Turn], speaker: CallSide) -> list[Span]:
    """In order, none overlapping another."""
    spans: list[Span] = []
    for turn in turns:
        for burst in turn.bursts if turn.speaker is speaker else ():
            start = max(burst.start, spans[-1].end) if spans else burst.start
            if burst.end > start:
                spans.append(Span(start, burst.end))
    return spans


def _seconds(spans: Sequence[Span]) -> float:
    return sum(span.seconds for span in spans)


def _both(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    both: list[Span] = []
    one = other = 0
    while one < len(left) and other < len(right):
        start = max(left[one].start, right[other].start)
        end = min(left[one].end, right[other].end)
        if start < end:
            both.append(Span(start, end))
        if left[one].end <= right[other].end:
            one += 1
        else:
            other += 1
    return both
