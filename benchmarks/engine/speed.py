"""How many times as fast as faster-whisper's default: on one core each, and on all."""

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from app.engines.local import IN_HAND_PER_CORE
from benchmarks.engine.readers import SIDES, Series, timed
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.samples import Clip

GOAL, UNIT = ">= 2.0", "times as fast as the default"
ROUNDS = 2


def results(watch: Run, model: str, cores: int, kinds: dict[str, list[Clip]]) -> Iterator[Result]:
    """Of each kind of recordings; ours has several in hand as a worker does, the others one after the other."""
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(timed(watch, model, cores)) for _ in range(2))
        for kind, clips in kinds.items():
            name = f"engine, {model}, {kind}, {'one core each' if cores == 1 else f'{cores} cores'}"
            taken = {side: Series() for side in SIDES}
            for _ in watch.rounds(ROUNDS, name):
                ours.read("ours", clips, IN_HAND_PER_CORE * cores, taken["ours"])
                theirs.read("default", clips, series=taken["default"])
                theirs.read("greedy", clips, series=taken["greedy"])
            yield _result(name, clips, taken)


def _result(name: str, clips: list[Clip], taken: dict[str, Series]) -> Result:
    spoken = sum(clip.seconds for clip in clips)
    ours, default, greedy = (taken[side] for side in SIDES)
    factors = ", ".join(f"{min(one.clock) / spoken:.3f}" for one in (ours, default, greedy))
    note = (
        f"{len(clips)} recordings, {spoken:.0f} s: best real-time factors of ours, the default and greedy {factors}; "
        f"{median(_ratios(greedy.clock, ours.clock)):.2f} times as fast as greedy; by processor time "
        f"{median(_ratios(default.processor, ours.processor)):.2f} times the default and "
        f"{median(_ratios(greedy.processor, ours.processor)):.2f} times greedy"
    )
    return summary(name, GOAL, UNIT, _ratios(default.clock, ours.clock), note)


def _ratios(more: list[float], less: list[float]) -> list[float]:
    return [one / other for one, other in zip(more, less, strict=True)]
