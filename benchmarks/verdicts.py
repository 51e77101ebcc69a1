"""Verdicts: which of the wrong words, and which of the right ones, stand in segments that are doubted."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import samples
from benchmarks.accuracy import rights_and_wrongs
from benchmarks.child import Child, child
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.samples import Clip, Said, Sound

MODELS = ("tiny.en", "base")
CLEAN = "clean"
LEVELS: dict[str, float | None] = {CLEAN: None, "20 dB": 20.0, "10 dB": 10.0, "5 dB": 5.0}
CAUGHT_GOAL, DOUBTED_GOAL, LOST_GOAL, OTHERS_GOAL = ">= 0.5", "<= 0.2", "<= 0.05", "<= 0"
DOUBTED, SUSPECTED = {"low_confidence", "suspected_hallucination"}, {"suspected_hallucination"}
BELIEVED = {"ok", "low_confidence"}
LOUDEST = 32_000
RIGHT, WRONG = 0, 1

Words = Counter[tuple[int, str]]
Heard = dict[str, Any]


def run(watch: Run) -> Iterator[Result]:
    """By model and level of noise, each on two halves of the speakers; then sounds without speech."""
    speech = watch.options.speech
    spoken = [one for one in (samples.recordings(speech) if speech else samples.answers()) if one.text]
    halves = samples.halves(spoken)
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as name:
        folder = Path(name)
        levels = {level: [_noisy(half, decibels, folder) for half in halves] for level, decibels in LEVELS.items()}
        silent = [samples.write(one.sound, "", folder) for one in samples.noises()]
        for model in MODELS:
            with child("verdict_side") as process, watch.waiting(f"verdicts, {model}"):
                yield from _of_model(watch, process, model, levels, silent)


def _of_model(
    watch: Run, process: Child, model: str, levels: dict[str, list[list[Clip]]], silent: list[Clip]
) -> Iterator[Result]:
    name = f"verdicts, {model}"
    whole: list[Words] = [Counter(), Counter()]
    for level, halves in levels.items():
        answers = [_ask(watch, process, model, half) for half in halves]
        counted = [_counted(*pair) for pair in zip(halves, answers, strict=True)]
        whole = [before + words for before, words in zip(whole, counted, strict=True)]
        yield from _shares(f"{name}, {level}", counted)
        if level == CLEAN:
            yield _other_than(f"{name}, clean clips in part suspected or unread", BELIEVED, [*chain(*answers)])
    yield from _shares(f"{name}, all", whole)
    yield _share(f"{name}, all, right words suspected", LOST_GOAL, whole, RIGHT, SUSPECTED)
    yield _other_than(f"{name}, sounds taken for speech", {"no_speech"}, _ask(watch, process, model, silent))


def _other_than(name: str, verdicts: set[str], answers: list[Heard]) -> Result:
    """How many answers have other verdicts than they should."""
    found = Counter(answer["verdict"] for answer in answers)
    others = sum(count for verdict, count in found.items() if verdict not in verdicts)
    note = ", ".join(f"{count} {verdict}" for verdict, count in sorted(found.items()))
    return summary(name, OTHERS_GOAL, "recordings", [float(others)], note)


def _shares(name: str, halves: list[Words]) -> Iterator[Result]:
    yield _share(f"{name}, wrong words doubted", CAUGHT_GOAL, halves, WRONG, DOUBTED)
    yield _share(f"{name}, right words doubted", DOUBTED_GOAL, halves, RIGHT, DOUBTED)


def _share(name: str, goal: str, halves: list[Words], kind: int, verdicts: set[str]) -> Result:
    """The share of one kind of words that stand in segments of these verdicts, one value for each half."""
    counts = [(sum(words[kind, one] for one in verdicts), _all(words, kind)) for words in halves]
    shares = [some / of if of else 0.0 for some, of in counts]
    note = " and ".join(f"{some} of {of} words ({share:.2f})" for (some, of), share in zip(counts, shares, strict=True))
    unit = "of the wrong words" if kind == WRONG else "of the right words"
    return summary(name, goal, unit, shares, f"by halves {note}")


def _all(words: Words, kind: int) -> int:
    return sum(count for (one, _), count in words.items() if one == kind)


def _counted(clips: list[Clip], answers: list[Heard]) -> Words:
    """How many right and wrong words have which verdict."""
    words: Words = Counter()
    for clip, answer in zip(clips, answers, strict=True):
        segments = [(text, verdict) for text, verdict in answer["segments"] if text]
        counts = rights_and_wrongs(clip.text, [text for text, _ in segments])
        for (_, verdict), (right, wrong) in zip(segments, counts, strict=True):
            words[RIGHT, verdict] += right
            words[WRONG, verdict] += wrong
    return words


def _ask(watch: Run, process: Child, model: str, clips: list[Clip]) -> list[Heard]:
    answer = process.ask({"model": model, "files": [str(clip.file) for clip in clips]}, watch.pause)
    found: list[Heard] = answer["heard"]
    return found


def _noisy(half: list[Said], decibels: float | None, folder: Path) -> list[Clip]:
    """The clips as they are, or with noise that is so many decibels below them; the same noise in each run."""
    chance = np.random.default_rng(7)
    return [
        samples.write(one.sound if decibels is None else mixed(one.sound, decibels, chance), one.text, folder)
        for one in half
    ]


def mixed(sound: Sound, decibels: float, chance: np.random.Generator) -> Sound:
    """The sound with noise as rooms have it, louder in the lows."""
    spectrum = np.fft.rfft(chance.normal(size=len(sound)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(sound))
    wanted = np.sqrt(np.mean(sound.astype(float) ** 2)) * 10 ** (-decibels / 20)
    whole = sound + noise * wanted / np.sqrt(np.mean(noise**2))
    return np.asarray(whole * min(1.0, LOUDEST / np.abs(whole).max()), np.int16)
