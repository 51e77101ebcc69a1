"""Processes that transcribe: several of one core that share what is not timed, and one whose time counts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child import Child, child
from benchmarks.run import Run
from benchmarks.samples import Clip

SIDES = ("ours", "default", "greedy")
CALLED = {"ours": "ours", "default": "faster-whisper's default", "greedy": "greedy"}


@dataclass(frozen=True, slots=True)
class Heard:
    """A text, and its pieces with when they begin and end."""

    text: str
    pieces: list[tuple[str, float, float]]


class Readers:
    """Each reads its share of the clips with a core of its own; what was read once is known."""

    def __init__(self, watch: Run, processes: list[Child], model: str) -> None:
        self._watch = watch
        self._processes = processes
        self._known: dict[tuple[str, Path], Heard] = {}
        self.model = model

    def read(self, side: str, clips: list[Clip]) -> list[Heard]:
        """By one of SIDES."""
        new = [clip for clip in clips if (side, clip.file) not in self._known]
        piles = [pile for pile in _dealt(new, len(self._processes)) if pile]
        busy = list(zip(range(len(piles)), self._processes, piles, strict=False))
        for number, process, pile in busy:
            process.begin(_job(side, self.model, 1, pile, skip=number))
        for _, process, pile in busy:
            answer = process.end(self._watch.pause)
            for clip, text, pieces in zip(pile, answer["texts"], answer["pieces"], strict=True):
                self._known[side, clip.file] = Heard(text, [tuple(piece) for piece in pieces])
        return [self._known[side, clip.file] for clip in clips]

    def texts(self, side: str, clips: list[Clip]) -> list[str]:
        return [heard.text for heard in self.read(side, clips)]


@dataclass(slots=True)
class Series:
    """What the same clips took, round by round: by the clock, and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


class Timed:
    """A process with so many cores that reads with one model."""

    def __init__(self, watch: Run, process: Child, model: str, cores: int) -> None:
        self._watch = watch
        self._process = process
        self._model = model
        self._cores = cores

    def read(self, side: str, clips: list[Clip], at_once: int = 1, series: Series | None = None) -> list[str]:
        """The texts; what it took goes into the series."""
        answer = self._process.ask(_job(side, self._model, self._cores, clips, at_once=at_once), self._watch.pause)
        if series is not None:
            series.clock.append(float(answer["seconds"]))
            series.processor.append(float(answer["processor"]))
        texts: list[str] = answer["texts"]
        return texts


@contextmanager
def readers(watch: Run, model: str, cores: int) -> Iterator[Readers]:
    with ExitStack() as stack:
        yield Readers(watch, [stack.enter_context(child("engine.side")) for _ in range(cores)], model)


@contextmanager
def timed(watch: Run, model: str, cores: int) -> Iterator[Timed]:
    with child("engine.side") as process:
        yield Timed(watch, process, model, cores)


def _dealt(clips: list[Clip], count: int) -> list[list[Clip]]:
    """About as many seconds for each."""
    piles: list[list[Clip]] = [[] for _ in range(count)]
    for clip in sorted(dict.fromkeys(clips), key=lambda clip: -clip.seconds):
        min(piles, key=lambda pile: sum(one.seconds for one in pile)).append(clip)
    return piles


def _job(side: str, model: str, cores: int, clips: list[Clip], **others: Any) -> dict[str, Any]:
    files = [str(clip.file) for clip in clips]
    return {"at_once": 1, "side": side, "model": model, "cores": cores, "files": files, **others}
