"""A conversation out of the transcripts of its two sides: who speaks when, one turn after the other.

A turn is what one side says without the other one saying anything in its pauses. Where both speak, turns overlap, and
the one that begins later interrupts.
Words lie where there is voice: an engine's times are trimmed to what voice activity heard.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from services.calls.bursts import Burst, bursts_of
from services.interviews.model import CallSide
from services.interviews.transcript import Transcript, Word

OTHER = {CallSide.LEFT: CallSide.RIGHT, CallSide.RIGHT: CallSide.LEFT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side says, in seconds of the call; `interrupts`: the other one was speaking when it began.

    Without text where somebody speaks and nobody could read what; without words where the engine tells no times of
    them. `bursts` is when there is voice, pauses for breath included.
    """

    speaker: CallSide
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    interrupts: bool = False
    bursts: tuple[Burst, ...] = ()

    @property
    def seconds(self) -> float:
        return self.end - self.start


def turns(left: Transcript | None, right: Transcript | None) -> list[Turn]:
    """In the order in which they begin; a side that is not there, or empty, has none."""
    one, other = bursts_of(left), bursts_of(right)
    said = [
        *(_turn(CallSide.LEFT, run) for run in _runs(one, other)),
        *(_turn(CallSide.RIGHT, run) for run in _runs(other, one)),
    ]
    said.sort(key=lambda turn: turn.start)
    return list(_with_interruptions(said))


def _runs(bursts: Sequence[Burst], others: Sequence[Burst]) -> Iterator[list[Burst]]:
    """What one side says without the other one saying anything between."""
    run: list[Burst] = []
    latest, at = 0.0, 0
    for burst in bursts:
        while at < len(others) and others[at].start < burst.start:
            latest, at = max(latest, others[at].end), at + 1
        if run and latest > run[-1].end:
            yield run
            run = []
        run.append(burst)
    if run:
        yield run


def _turn(speaker: CallSide, bursts: Sequence[Burst]) -> Turn:
    text = bursts[0].text + "".join(before.between(after) + after.text for before, after in pairwise(bursts))
    return Turn(
        speaker=speaker,
        start=bursts[0].start,
        end=max(burst.end for burst in bursts),
        text=text.strip(),
        words=tuple(word for burst in bursts for word in burst.words),
        bursts=tuple(bursts),
    )


def _with_interruptions(runs: Sequence[Turn]) -> Iterator[Turn]:
    spoken_until = {CallSide.LEFT: 0.0, CallSide.RIGHT: 0.0}
    for turn in runs:
        spoken_until[turn.speaker] = max(spoken_until[turn.speaker], turn.end)
        yield replace(turn, interrupts=turn.start < spoken_until[OTHER[turn.speaker]])
