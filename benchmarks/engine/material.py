"""What is read: single clips and long recordings by halves of the speakers, and two clips in one recording."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np

from benchmarks import samples
from benchmarks.samples import RATE, Clip, Said, Sound, write

SEED = 12
QUIET = 20.0  # of 32,768: 64 dB below what is loudest
PAUSES = (0.3, 1.2)
LONG_SECONDS = (60.0, 120.0)
LEAST_OF_A_SPEAKER = 15.0
PAIRED_SECONDS = (2.0, 9.0)
GAPS = (0.0, 0.3, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Group:
    """What some speakers say, in single clips and in long recordings; `said` is what the clips were made of."""

    name: str
    said: list[Said]
    clips: list[Clip]
    long: list[Clip]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips, and both in one recording."""

    first: Clip
    second: Clip
    both: Clip


def groups(folder: Path, speech: Path | None) -> list[Group]:
    """The halves of the recorded speakers, if there is a folder of them, and the demo's two voices."""
    recorded = [one for one in samples.recordings(speech) if one.text] if speech else []
    named = zip(("half A", "half B"), samples.halves(recorded), strict=True)
    return [_group(name, said, folder) for name, said in (*named, ("the demo's voices", samples.answers())) if said]


def pairs(several: list[Group], count: int, folder: Path) -> list[Pair]:
    """So many pairs of short clips, with gaps of some lengths; the same ones in each run."""
    short = [
        (said, clip)
        for group in several
        for said, clip in zip(group.said, group.clips, strict=True)
        if PAIRED_SECONDS[0] <= clip.seconds <= PAIRED_SECONDS[1]
    ]
    possible = list(product(permutations(short, 2), GAPS))
    chosen = random.Random(SEED).sample(possible, min(count, len(possible)))
    chance = np.random.default_rng(SEED)
    return [
        Pair(first[1], second[1], _written(in_a_row([first[0], second[0]], [gap], chance), folder))
        for (first, second), gap in chosen
    ]


def in_a_row(several: list[Said], pauses: list[float], chance: np.random.Generator) -> Said:
    """One after the other, with quiet noise between them."""
    pieces = [several[0].sound]
    for pause, one in zip(pauses, several[1:], strict=True):
        pieces += [_quiet(pause, chance), one.sound]
    return Said(np.concatenate(pieces), " ".join(one.text for one in several), several[0].speaker)


def _group(name: str, said: list[Said], folder: Path) -> Group:
    return Group(name, said, [_written(one, folder) for one in said], [_written(one, folder) for one in _long(said)])


def _long(said: list[Said]) -> Iterator[Said]:
    """Of each speaker of whom there is enough, for each length: all clips, again and again in other orders."""
    chance = np.random.default_rng(SEED)
    for speaker in dict.fromkeys(one.speaker or one.text for one in said):
        own = [one for one in said if (one.speaker or one.text) == speaker]
        if sum(one.seconds for one in own) >= LEAST_OF_A_SPEAKER:
            yield from (_rounds(own, least, chance) for least in LONG_SECONDS)


def _rounds(own: list[Said], least: float, chance: np.random.Generator) -> Said:
    row = list(own)
    while sum(one.seconds for one in row) < least:
        row += [own[number] for number in chance.permutation(len(own))]
    return in_a_row(row, [float(pause) for pause in chance.uniform(*PAUSES, len(row) - 1)], chance)


def _quiet(seconds: float, chance: np.random.Generator) -> Sound:
    return chance.normal(0, QUIET, int(seconds * RATE)).astype(np.int16)


def _written(said: Said, folder: Path) -> Clip:
    return write(said.sound, said.text, folder)
