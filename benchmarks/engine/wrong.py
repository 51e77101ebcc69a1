"""Word errors on single clips and on long recordings, by groups of speakers."""

from collections.abc import Iterator

from benchmarks.accuracy import errors
from benchmarks.engine.material import Group
from benchmarks.engine.readers import CALLED, SIDES, Readers
from benchmarks.results import Result, summary
from benchmarks.samples import Clip

GOAL, UNIT = "<= 0", "points more than the default"


def results(readers: Readers, groups: list[Group]) -> Iterator[Result]:
    for group in groups:
        name = f"engine, {readers.model}, word errors, {group.name}"
        for kind, clips in (("single clips", group.clips), ("long recordings", group.long)):
            if clips:
                yield _result(f"{name}, {kind}", readers, clips)


def _result(name: str, readers: Readers, clips: list[Clip]) -> Result:
    found = {side: errors(clips, readers.texts(side, clips)) for side in SIDES}
    sides = "; ".join(f"{CALLED[side]} {wrong}" for side, wrong in found.items())
    note = f"{len(clips)} recordings, {found['ours'].said} words: {sides}"
    return summary(name, GOAL, UNIT, [found["ours"].percent - found["default"].percent], note)
