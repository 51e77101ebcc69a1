"""Whether a recording has the same text each time, alone and among others."""

import random
from collections.abc import Iterator

from benchmarks.engine.material import SEED
from benchmarks.engine.readers import Timed
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.samples import Clip

GOAL, UNIT = "<= 0", "recordings with more than one text"
OTHERS = 8


def results(watch: Run, process: Timed, model: str, clips: list[Clip], readings: int) -> Iterator[Result]:
    """Half of the readings one by one, half with eight others in work, which are others each time."""
    texts: dict[Clip, set[str]] = {clip: set() for clip in clips}
    order = random.Random(SEED)
    for number in watch.progress.track(range(readings), description=f"engine, {model}, readings"):
        some = order.sample(clips, len(clips))
        for clip, text in zip(some, process.read("ours", some, at_once=1 + number % 2 * OTHERS), strict=True):
            texts[clip].add(text)
    different = sum(len(found) > 1 for found in texts.values())
    note = (
        f"{readings} readings of {len(clips)} recordings, half of them one by one and half with {OTHERS} others in work"
    )
    yield summary(f"engine, {model}, read again and again", GOAL, UNIT, [float(different)], note)
