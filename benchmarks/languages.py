"""Languages: how often the beginning of an answer is taken for the right one, and how often nobody is sure of it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import samples
from benchmarks.child import Child, child
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.samples import RATE, Said
from services.adapters.local_speech.detection import Detection, Hearing, detected
from services.interviews.language import LANGUAGES, Language
from services.transcription.verdicts import DOUBTED_LANGUAGE

SECONDS = (0.7, 1.2, 2.0, 4.0)
BEGINS_SECONDS = 0.3
OTHERS = tuple(map(Language, ("en", "de", "es", "fr")))
ANY_GOAL, TWO_GOAL = ">= 0.7", ">= 0.95"
UNSURE_GOAL = ">= 0.75"

Heard = list[tuple[Language, Hearing]]


def run(watch: Run) -> Iterator[Result]:
    """By length, each on two halves of the speakers."""
    folder = watch.options.speech
    halves = samples.halves(list(samples.in_languages(folder)) if folder else samples.answers())
    with (
        tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as name,
        child("language_side") as process,
        watch.waiting("languages"),
    ):
        for seconds in SECONDS:
            heard = [_hear(watch, process, _cut(half, seconds), Path(name)) for half in halves]
            yield from _results(seconds, heard)


def _cut(half: list[Said], seconds: float) -> list[Said]:
    first, last = (int(at * RATE) for at in (BEGINS_SECONDS, BEGINS_SECONDS + seconds))
    return [Said(one.sound[first:last], one.text, one.speaker, one.language) for one in half if len(one.sound) > last]


def _hear(watch: Run, process: Child, cut: list[Said], folder: Path) -> Heard:
    files = [str(samples.write(one.sound, one.text, folder).file) for one in cut]
    found = process.ask({"files": files}, watch.pause)["heard"]
    return [(Language(one.language), Hearing(**heard)) for one, heard in zip(cut, found, strict=True)]


def _results(seconds: float, halves: list[Heard]) -> Iterator[Result]:
    name, anything = f"languages, {seconds:g} s", sorted(LANGUAGES)
    free = [[(spoken, detected([one], anything)) for spoken, one in half] for half in halves]
    yield _share(f"{name}, any may be spoken", ANY_GOAL, [_right(half) for half in free])
    pairs = [[(mine, other, one) for mine, one in half for other in OTHERS if other != mine] for half in halves]
    for title, own in (("two may be", False), ("two may be, and it is the question's own", True)):
        right = [[_is_chosen(mine, other, one, own) for mine, other, one in half] for half in pairs]
        yield _share(f"{name}, {title}", TWO_GOAL, right)
    wrong = [[_is_unsure(found) for spoken, found in half if found.language != spoken] for half in free]
    if all(wrong):
        yield _share(f"{name}, wrong ones that are of low confidence", UNSURE_GOAL, wrong)


def _is_chosen(mine: Language, other: Language, one: Hearing, own: bool) -> bool:
    return detected([one], (mine, other), mine if own else None).language == mine


def _right(half: list[tuple[Language, Detection]]) -> list[bool]:
    return [found.language == spoken for spoken, found in half]


def _is_unsure(found: Detection) -> bool:
    return found.probability is not None and found.probability < DOUBTED_LANGUAGE


def _share(name: str, goal: str, halves: list[list[bool]]) -> Result:
    """The share of those that are so, one value for each half."""
    shares = [sum(half) / len(half) for half in halves]
    note = " and ".join(f"{sum(half)} of {len(half)}" for half in halves)
    return summary(name, goal, "of the beginnings", shares, f"by halves {note}")
