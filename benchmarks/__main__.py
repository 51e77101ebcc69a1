"""`python -m benchmarks`: measure, print a table, keep the results."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks import (
    call_sides,
    calls_at_once,
    engine,
    growth,
    hosted,
    languages,
    listeners,
    live,
    long_worker,
    machine,
    memory,
    page,
    peers,
    pieces,
    pipeline,
    promises,
    proofs,
    recorders,
    results,
    resuming,
    sealing,
    turn_times,
    upload,
    verdicts,
)
from benchmarks.child import ChildFailed
from benchmarks.files import TooFewFiles
from benchmarks.results import Result
from benchmarks.run import Options, Run
from benchmarks.transcribing import NotTranscribed
from scripts.stack.errors import StackError
from scripts.stack.signals import Signals, Stopped


def _calls(watch: Run) -> Iterator[Result]:
    yield from calls_at_once.run(watch)
    yield from call_sides.run(watch)


BENCHMARKS: dict[str, Callable[[Run], Iterator[Result]]] = {
    "upload": upload.run,
    "promises": promises.run,
    "sealing": sealing.run,
    "proofs": proofs.run,
    "memory": memory.run,
    "pipeline": pipeline.run,
    "hosted": hosted.run,
    "growth": growth.run,
    "engine": engine.run,
    "verdicts": verdicts.run,
    "languages": languages.run,
    "peers": peers.run,
    "listeners": listeners.run,
    "recorders": recorders.run,
    "pieces": pieces.run,
    "resuming": resuming.run,
    "live": live.run,
    "long": long_worker.run,
    "calls": _calls,
    "turns": turn_times.run,
}

console = Console(highlight=False)


def bench(
    only: Annotated[
        str | None, typer.Option(help=f"Some of {', '.join(BENCHMARKS)}, with commas between; else all.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds that count; else as many as are usual.")] = None,
    wide: Annotated[bool, typer.Option(help="All sizes of uploads, and 64 at once; as without --only.")] = False,
    scale: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=1.0,
            help="The share of the engine's pairs, sounds and readings, and of the recorders' minute.",
        ),
    ] = 1.0,
    clips: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A folder of recordings to transcribe as well.")
    ] = None,
    speech: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="A folder of recorded speech with a manifest.jsonl of its texts."
        ),
    ] = None,
) -> None:
    """Measure; every result is a ratio of two things that took turns."""
    names = only.split(",") if only else list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise typer.BadParameter(
            f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}", param_hint="--only"
        )
    options = Options(rounds=rounds, wide=wide or only is None, clips=clips, speech=speech, scale=scale)
    raise typer.Exit(_run(names, options))


def _run(names: list[str], options: Options) -> int:
    signals, found = Signals(), []
    try:
        with Progress(console=console) as progress:
            for result in _results(names, Run(options, signals, progress)):
                found.append(result)
                results.write(results.merge(results.read(), [result]))
        if names == list(BENCHMARKS):
            results.write(found)  # nothing stays of what was measured under other names
    except Stopped:
        return 128 + (signals.received or 0)
    except (StackError, ChildFailed, TooFewFiles, NotTranscribed) as error:
        console.print(str(error), markup=False)
        return 1
    finally:
        console.print(results.table(found))
        page.write()
    return 0


def _results(names: list[str], watch: Run) -> Iterator[Result]:
    where, day = machine.described(), machine.today()
    for name in names:
        for result in BENCHMARKS[name](watch):
            yield replace(result, benchmark=name, machine=where, day=day)


if __name__ == "__main__":
    typer.run(bench)
