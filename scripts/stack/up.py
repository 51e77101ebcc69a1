"""Run the stack until somebody stops it: `python -m scripts.stack.up`."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from app.config import Settings, StackSettings
from app.environment import settings_or_end, strangers
from scripts.stack.child import die_with_parent
from scripts.stack.errors import StackError
from scripts.stack.signals import Signals, Stopped
from scripts.stack.stack import Stack, opened

console = Console(stderr=True, highlight=False)


def up(
    with_parent: Annotated[bool, typer.Option(help="Stop when the parent process ends, as make does.")] = False,
) -> None:
    """Start MongoDB, Valkey, worker, beat and API; say `ready` on standard output; stop on Ctrl-C."""
    signals = Signals()
    if with_parent:
        die_with_parent()
    try:
        settings_or_end(Settings)
        settings = settings_or_end(StackSettings)
        warn()
        with opened(settings) as stack:
            code = _run(stack, signals)
    except StackError as error:
        console.print(f"[red]The stack cannot run.[/red] {escape(str(error))}", markup=True, soft_wrap=True)
        code = 1
    raise typer.Exit(code)


def warn() -> None:
    """Say which variables look like a setting and are none."""
    for name, meant in strangers(Settings, StackSettings).items():
        console.print(f"{name} is no setting. Did you mean {meant}?", markup=False, soft_wrap=True)


def _run(stack: Stack, signals: Signals) -> int:
    try:
        with console.status("Starting MongoDB, Valkey, worker, beat and API …") as status:
            stack.wait(signals.pause, lambda name: status.update(f"Waiting for the {name} …"))
    except Stopped:
        console.print("Stopping …")
        return 128 + (signals.received or 0)
    _say_ready(stack)
    try:
        while True:
            signals.pause()
            stack.tend()
            for said in stack.news():
                console.print(f"[red]Not all of the stack runs.[/red] {escape(said)}", soft_wrap=True)
    except Stopped:
        console.print("Stopping …")
        return 0


def _say_ready(stack: Stack) -> None:
    sys.stdout.write(f"ready {stack.url}\n")
    sys.stdout.flush()
    console.print(
        f"Interview: {stack.url}/   Dashboard: {stack.url}/admin, with a token of `make token ROLE=admin`",
        soft_wrap=True,
    )
    console.print(f"Logs are in {stack.layout.logs}; Ctrl-C stops everything.", soft_wrap=True)


if __name__ == "__main__":
    typer.run(up)
