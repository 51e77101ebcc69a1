"""`python -m tests.chaos`: break every process at every step, and write down what became of the answers."""

import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scripts.stack.layout import ROOT
from tests.chaos import apart
from tests.chaos.cells import Cell, cells_of, chosen
from tests.chaos.judged import judged
from tests.chaos.machine import SCORED_AFTERWARDS, Machine, machine
from tests.chaos.overhear import overhear, overhear_scoring
from tests.chaos.report import Run, merged, page, read, row_of, standing
from tests.chaos.verdict import Verdict

Played = tuple[Cell, Verdict]

console = Console(highlight=False)
PAGE = Path("docs/kill-matrix.md")


def chaos(
    only: Annotated[
        str, typer.Option(help="Only cells whose title holds this, as `× mongod`; several with | between.")
    ] = "",
    seed: Annotated[int, typer.Option(help="The order of the cells.")] = 1,
    most: Annotated[int | None, typer.Option(min=1, help="At most so many cells; what is new comes first.")] = None,
    stacks: Annotated[
        int, typer.Option(min=1, help="How many stacks are broken side by side, and one more that has a scorer.")
    ] = 2,
    minutes: Annotated[float, typer.Option(help="Begin no cell after so many minutes.")] = 240,
    keep: Annotated[bool, typer.Option(help="Keep what the page says of the other cells.")] = False,
    unplayed: Annotated[bool, typer.Option(help="With --keep: only cells that the page does not say to hold.")] = False,
    out: Annotated[Path, typer.Option(help="The page to write.")] = PAGE,
) -> None:
    """Play the kill matrix; exits with 1 if a promise did not hold."""
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = read(out.read_text()) if keep and out.exists() else []
    commit, played = _commit(), 0
    with tempfile.TemporaryDirectory() as folder, _progress() as progress, ExitStack() as open_:
        machines = [open_.enter_context(machine(Path(folder) / str(number))) for number in range(stacks)]
        scored = open_.enter_context(machine(Path(folder) / "scored", **SCORED_AFTERWARDS))
        cells = cells_of([*overhear(machines[0]), *overhear_scoring(scored)])
        of = len(cells) + len(apart.CELLS)
        rows = standing(rows, {cell.row for cell in (*cells, *apart.CELLS)})
        known = {row.key for row in rows if row.is_proven} if unplayed else set()
        aside = chosen(_without(apart.CELLS, known), only=only, seed=seed, most=most)
        rest = chosen(_without(cells, known), only=only, seed=seed, most=None if most is None else most - len(aside))
        played_now = _side_by_side(machines, scored, rest, progress, start + minutes * 60)
        for cell, verdict in chain(apart.played(Path(folder), aside), played_now):
            played += 1
            rows = merged(rows, [row_of(cell, verdict)])
            if verdict.faults:
                progress.console.print(f"[red]{cell.title}[/red]: {'; '.join(verdict.faults)}", soft_wrap=True)
            # Written as it grows: a run that is broken off has something to show.
            run = Run(commit, played, of, (time.monotonic() - start) / 60, stacks, seed)
            out.write_text(page(rows, run))
    console.print(f"{played} cells in {(time.monotonic() - start) / 60:.0f} minutes; {out} says what became of them.")
    raise typer.Exit(not all(row.is_sound for row in rows))


def _without(cells: Iterable[Cell], known: Collection[tuple[str, str, str]]) -> list[Cell]:
    return [cell for cell in cells if cell.row not in known]


def _commit() -> str:
    """What is played: the commit, and whether the tree is not quite it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "a tree without commits"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{PAGE}")
    return f"commit {head} with changes on top" if changed else f"commit {head}"


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _side_by_side(
    machines: list[Machine], scored: Machine, cells: list[Cell], progress: Progress, end: float
) -> Iterator[Played]:
    """Each cell on the next machine that is free; one that needs a scorer on the machine that has one."""
    done: queue.SimpleQueue[Played | None] = queue.SimpleQueue()
    plain = _queued(cell for cell in cells if not cell.needs_scorer)
    waiting = [(one, plain) for one in machines] + [(scored, _queued(cell for cell in cells if cell.needs_scorer))]
    task = progress.add_task("cells", total=len(cells))
    for number, (one, its) in enumerate(waiting):
        threading.Thread(target=_work, args=(one, its, done, end), name=f"stack {number}", daemon=True).start()
    at_work = len(waiting)
    while at_work:
        result = done.get()
        if result is None:
            at_work -= 1
            continue
        progress.update(task, advance=1, description=result[0].step.title[:40])
        yield result


def _queued(cells: Iterable[Cell]) -> "queue.SimpleQueue[Cell]":
    waiting: queue.SimpleQueue[Cell] = queue.SimpleQueue()
    for cell in cells:
        waiting.put(cell)
    return waiting


def _work(
    machine: Machine, waiting: "queue.SimpleQueue[Cell]", done: "queue.SimpleQueue[Played | None]", end: float
) -> None:
    try:
        while time.monotonic() < end:
            cell = waiting.get_nowait()
            try:
                done.put((cell, judged(machine, cell)))
            except Exception as trouble:
                done.put((cell, Verdict(missed=[f"the cell could not be judged: {trouble!r}"[:300]])))
    except queue.Empty:
        pass
    finally:
        done.put(None)


if __name__ == "__main__":
    typer.run(chaos)
