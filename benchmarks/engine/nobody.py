"""Words invented where nobody speaks, and speech found where little is spoken among other sounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy import count, found
from benchmarks.engine.material import SEED, Group
from benchmarks.engine.readers import CALLED, Heard, Readers
from benchmarks.engine.sounds import LOUDEST, Nobody, catalogue
from benchmarks.results import Result, summary
from benchmarks.samples import RATE, Clip, Said, write

WORDS, RECORDINGS = "words", "recordings"
ALONE_SECONDS, AROUND_SECONDS = 10.0, 60.0
SPOKEN_SECONDS = (1.8, 3.0)
LEVELS = (0.0, 5.0, 10.0, 15.0, 20.0)
LEAST_LEVEL = 10.0
LEAST_FOUND = 0.5
NEAR_SECONDS = 0.5
COMPARED = ("ours", "default")


@dataclass(frozen=True, slots=True)
class Hidden:
    """A clip with something said at some moment, so many decibels above all else in it."""

    clip: Clip
    start: float
    end: float
    decibels: float

    def outside(self, heard: Heard) -> list[str]:
        """What was heard where nothing was said."""
        first, last = self.start - NEAR_SECONDS, self.end + NEAR_SECONDS
        return [text for text, start, end in heard.pieces if end < first or start > last]


@dataclass(frozen=True, slots=True)
class Silent:
    """Sounds by themselves, and a minute of each around a clip."""

    alone: list[Clip]
    hidden: list[Hidden]


def made(groups: list[Group], most: int, folder: Path) -> Silent:
    """So many sounds from all over the catalogue, alone and with something said in them."""
    said = [one for group in groups for one in group.said]
    sounds = catalogue(said)
    chosen = [sounds[len(sounds) * number // most] for number in range(most)]
    short = [one for one in said if SPOKEN_SECONDS[0] <= one.seconds <= SPOKEN_SECONDS[1]] or said
    alone = [write(one.sound(ALONE_SECONDS, seed), "", folder) for seed, one in enumerate(chosen)]
    chance = np.random.default_rng(SEED)
    hidden = [
        _hidden(sound, short[number % len(short)], number, LEVELS[number % len(LEVELS)], chance, folder)
        for number, sound in enumerate(chosen)
    ]
    return Silent(alone, hidden)


def results(readers: Readers, material: Silent) -> Iterator[Result]:
    name = f"engine, {readers.model}"
    invented = {side: count(readers.texts(side, material.alone)) for side in COMPARED}
    what = f"{name}, words invented where nobody speaks"
    note = f"{len(material.alone)} sounds of {ALONE_SECONDS:.0f} s; {CALLED['default']}: {invented['default']}"
    yield summary(what, "<= 0", WORDS, [float(invented["ours"])], note)
    yield from _of_hidden(name, readers, material.hidden)


def _of_hidden(name: str, readers: Readers, hidden: list[Hidden]) -> Iterator[Result]:
    clips = [one.clip for one in hidden]
    heard = {side: list(zip(hidden, readers.read(side, clips), strict=True)) for side in COMPARED}
    missed = {side: [one.decibels for one, text in some if not _is_found(one, text)] for side, some in heard.items()}
    audible = sum(one.decibels >= LEAST_LEVEL for one in hidden)
    counts = {side: sum(level >= LEAST_LEVEL for level in levels) for side, levels in missed.items()}
    note = (
        f"of {audible} with the sound 10 to 20 dB below the speech; {CALLED['default']} {counts['default']}; of "
        f"{len(hidden) - audible} at 0 and 5 dB {len(missed['ours']) - counts['ours']} are not found, and "
        f"{len(missed['default']) - counts['default']} by the default"
    )
    what = f"{name}, speech not found in a minute of other sounds"
    yield summary(what, "<= 0", RECORDINGS, [float(counts["ours"])], note)
    outside = {side: sum(count(one.outside(text)) for one, text in some) for side, some in heard.items()}
    note = f"{len(hidden)} minutes, at 0 to 20 dB; {CALLED['default']}: {outside['default']}, by whole segments"
    yield summary(f"{name}, words invented around speech", "<= 0", WORDS, [float(outside["ours"])], note)


def _is_found(hidden: Hidden, heard: Heard) -> bool:
    return found(hidden.clip.text, heard.text) >= LEAST_FOUND


def _hidden(
    nobody: Nobody, said: Said, seed: int, decibels: float, chance: np.random.Generator, folder: Path
) -> Hidden:
    spoken = said.sound.astype(float)
    level = 20 * np.log10(np.sqrt(np.mean(spoken**2)) / LOUDEST)
    whole = nobody.sound(AROUND_SECONDS, seed, float(level - decibels)).astype(float)
    start = float(chance.uniform(5.0, AROUND_SECONDS - said.seconds - 5.0))
    at = int(start * RATE)
    whole[at : at + len(spoken)] += spoken
    sound = (whole * min(1.0, LOUDEST / np.abs(whole).max())).astype(np.int16)
    return Hidden(write(sound, said.text, folder), start, start + said.seconds, decibels)
