"""What a benchmark is handed: the options, a progress bar, and a way to notice that it is to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from scripts.stack.signals import Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person may choose; no rounds means as many as are right, a smaller scale less to read."""

    rounds: int | None = None
    wide: bool = False
    scale: float = 1.0
    clips: Path | None = None
    speech: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    options: Options
    signals: Signals
    progress: Progress

    def pause(self) -> None:
        """A moment; Stopped if somebody asked for that."""
        self.signals.pause(0.02)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show that something takes a while."""
        task = self.progress.add_task(what, total=None)
        try:
            yield
        finally:
            self.progress.remove_task(task)

    def rounds(self, usual: int, what: str, extra: int = 0) -> Iterator[int]:
        """Count the rounds, as many as are usual unless somebody chose, and show how far they are."""
        yield from self.progress.track(range((self.options.rounds or usual) + extra), description=what)

    def turns(self, usual: int, what: str, *sides: Callable[[], float], warm_up: int = 1) -> list[tuple[float, ...]]:
        """Let the sides take turns; the rounds that come first, to warm up, do not count."""
        rounds = [tuple(side() for side in sides) for _ in self.rounds(usual, what, extra=warm_up)]
        return rounds[warm_up:]

    def pairs(
        self, usual: int, what: str, ours: Callable[[], float], theirs: Callable[[], float]
    ) -> list[tuple[float, float]]:
        """The same for two."""
        return [(first, second) for first, second in self.turns(usual, what, ours, theirs)]
