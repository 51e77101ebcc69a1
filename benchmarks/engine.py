"""The local engine against faster-whisper called directly: same model, same weights, same cores, same files."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from app.engines.local import IN_HAND_PER_CORE
from benchmarks import samples
from benchmarks.accuracy import count, word_errors
from benchmarks.child import Child, child
from benchmarks.results import Result, summary
from benchmarks.samples import Clip, Samples
from benchmarks.watch import Watch

MODELS = ("tiny.en", "base")
SHORT_GOAL, LONG_GOAL, ERRORS_GOAL, INVENTED_GOAL = ">= 2.0", ">= 1.3", "<= 0.5", "<= 0"
ROUNDS = 3
UNIT = "times as many clips"


def run(watch: Watch) -> Iterator[Result]:
    """Speed of short and long answers on one core, errors, inventions; then a long answer on all cores."""
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as folder:
        clips = asyncio.run(samples.made(Path(folder), watch.options.speech))
        for model in MODELS:
            with _both(watch, model, 1) as sides:
                yield from _one_core(watch, model, clips, *sides)
        cores = len(os.sched_getaffinity(0))
        with _both(watch, MODELS[0], cores) as sides:
            yield _all_cores(watch, cores, max(clips.long, key=lambda clip: clip.seconds), *sides)


@dataclass(slots=True)
class Series:
    """What the same clips took, round by round: by the clock, and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


class Side:
    """One of the two that take turns, and what it heard last."""

    def __init__(self, watch: Watch, process: Child, name: str, model: str, cores: int) -> None:
        self._watch = watch
        self._process = process
        self._job = {"side": name, "model": model, "cores": cores}
        self._texts: dict[Path, str] = {}

    def read(self, clips: list[Clip], series: Series, at_once: int = 1) -> None:
        files = [clip.file for clip in clips]
        job = {**self._job, "files": [str(file) for file in files], "at_once": at_once}
        answer = self._process.ask(job, self._watch.pause)
        self._texts |= dict(zip(files, answer["texts"], strict=True))
        series.clock.append(float(answer["seconds"]))
        series.processor.append(float(answer["processor"]))

    def heard(self, clips: list[Clip]) -> list[str]:
        return [self._texts[clip.file] for clip in clips]


@contextmanager
def _both(watch: Watch, model: str, cores: int) -> Iterator[tuple[Side, Side]]:
    with ExitStack() as stack:
        processes = [stack.enter_context(child("engine_side")) for _ in range(2)]
        ours, theirs = zip(("ours", "theirs"), processes, strict=True)
        yield Side(watch, ours[1], ours[0], model, cores), Side(watch, theirs[1], theirs[0], model, cores)


def _one_core(watch: Watch, model: str, clips: Samples, ours: Side, theirs: Side) -> Iterator[Result]:
    name = f"engine, {model}"
    together, alone, direct, long_ours, long_direct = (Series() for _ in range(5))
    for _ in watch.rounds(ROUNDS, f"{name}, {len(clips.short)} short answers"):
        ours.read(clips.short, together, IN_HAND_PER_CORE)
        theirs.read(clips.short, direct)
        ours.read(clips.short, alone)
    yield _speed(f"{name}, short answers", SHORT_GOAL, clips.short, together, direct)
    yield _speed(f"{name}, short answers one by one", SHORT_GOAL, clips.short, alone, direct)
    for _ in watch.rounds(ROUNDS, f"{name}, {len(clips.long)} long answers"):
        ours.read(clips.long, long_ours)
        theirs.read(clips.long, long_direct)
    yield _speed(f"{name}, long answers", LONG_GOAL, clips.long, long_ours, long_direct)
    yield _errors(f"{name}, word errors", [*clips.short, *clips.long], ours, theirs)
    yield _invented(f"{name}, invented words", clips.without_speech, ours, theirs)


def _all_cores(watch: Watch, cores: int, clip: Clip, ours: Side, theirs: Side) -> Result:
    name = f"engine, {MODELS[0]}, one long answer on all cores"
    first, second = Series(), Series()
    for _ in watch.rounds(ROUNDS, name):
        ours.read([clip], first)
        theirs.read([clip], second)
    note = f"{clip.seconds:.0f} s of speech on {cores} cores: best {min(first.clock):.2f} and {min(second.clock):.2f} s"
    return summary(name, LONG_GOAL, "times as fast", _ratios(second.clock, first.clock), note)


def _speed(name: str, goal: str, clips: list[Clip], ours: Series, theirs: Series) -> Result:
    spoken = sum(clip.seconds for clip in clips)
    note = (
        f"{len(clips)} clips, {spoken:.0f} s of speech, one core each: "
        f"best {len(clips) / min(ours.clock):.2f} and {len(clips) / min(theirs.clock):.2f} clips/s, "
        f"real-time factor {min(ours.clock) / spoken:.3f} and {min(theirs.clock) / spoken:.3f}; "
        f"by processor time {median(_ratios(theirs.processor, ours.processor)):.2f} times"
    )
    return summary(name, goal, UNIT, _ratios(theirs.clock, ours.clock), note)


def _ratios(more: list[float], less: list[float]) -> list[float]:
    return [one / other for one, other in zip(more, less, strict=True)]


def _errors(name: str, clips: list[Clip], ours: Side, theirs: Side) -> Result:
    errors = [word_errors(clips, side.heard(clips)) for side in (ours, theirs)]
    note = f"{errors[0]:.2f} % and {errors[1]:.2f} % of {count(list({clip.text: 0 for clip in clips}))} words"
    return summary(name, ERRORS_GOAL, "points more", [errors[0] - errors[1]], note)


def _invented(name: str, clips: list[Clip], ours: Side, theirs: Side) -> Result:
    for side in (ours, theirs):
        side.read(clips, Series())
    invented = [count(side.heard(clips)) for side in (ours, theirs)]
    note = f"{len(clips)} recordings without speech; faster-whisper with its filter: {invented[1]}"
    return summary(name, INVENTED_GOAL, "words", [float(invented[0])], note)
