"""Our whole listening beside faster-whisper called directly: same model, same weights, same cores, same files."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.engine import lost, material, nobody, same, speed, wrong
from benchmarks.engine.material import Group, Pair
from benchmarks.engine.nobody import Silent
from benchmarks.engine.readers import readers, timed
from benchmarks.results import Result
from benchmarks.run import Run
from benchmarks.samples import Clip

MODELS = ("tiny.en", "base")
PAIRS, SOUNDS = 300, 60
READINGS, READ_AGAIN, READ_AGAIN_LONG = 10, 18, 2
TIMED, TIMED_LONG = 12, 1
SHORT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Material:
    """What is read, in files."""

    groups: list[Group]
    pairs: list[Pair]
    silent: Silent
    again: list[Clip]
    timed: dict[str, list[Clip]]


def run(watch: Run) -> Iterator[Result]:
    """What is heard, by each model; then whether it is the same each time, and how fast."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as folder:
        read = _material(watch, Path(folder))
        for model in MODELS:
            with readers(watch, model, cores) as pool, watch.waiting(f"engine, {model}, texts"):
                yield from wrong.results(pool, read.groups)
                yield from lost.results(pool, read.pairs)
                yield from nobody.results(pool, read.silent)
        for model in MODELS:
            with timed(watch, model, cores) as process:
                yield from same.results(watch, process, model, read.again, READINGS)
        for model, some in product(MODELS, dict.fromkeys((1, cores))):
            yield from speed.results(watch, model, some, read.timed)


def _material(watch: Run, folder: Path) -> Material:
    def part(whole: int) -> int:
        return max(1, round(whole * watch.options.scale))

    groups = material.groups(folder, watch.options.speech)
    clips = [clip for group in groups for clip in group.clips]
    short = [clip for clip in clips if clip.seconds <= SHORT_SECONDS] or clips
    long = [clip for group in groups for clip in group.long]
    return Material(
        groups=groups,
        pairs=material.pairs(groups, part(PAIRS), folder),
        silent=nobody.made(groups, part(SOUNDS), folder),
        again=[*spread(short, part(READ_AGAIN)), *spread(long, part(READ_AGAIN_LONG))],
        timed={"short clips": spread(short, part(TIMED)), "long recordings": spread(long, part(TIMED_LONG))},
    )


def spread(clips: list[Clip], most: int) -> list[Clip]:
    """So many of them, from short ones to long ones."""
    ordered = sorted(clips, key=lambda clip: clip.seconds)
    count = min(most, len(ordered))
    return [ordered[(2 * number + 1) * len(ordered) // (2 * count)] for number in range(count)]
