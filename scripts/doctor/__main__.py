"""`python -m scripts.doctor [--stack] [--json]`: what is not well, and what to do; 1 if anything is failing."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.config import Settings, StackSettings
from app.environment import sentences, settings_or_end
from app.finding import Finding, State, failing, worst
from scripts.doctor.examine import examine
from scripts.stack.layout import Layout

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAILING: "red"}
err = Console(stderr=True)


def main(
    stack: Annotated[bool, typer.Option("--stack", help="Look at the local stack in STATE_DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Look at MongoDB, Redis, the engine, the workers, the work and the settings."""
    with err.status("Looking at every part …"):
        found = _found(_of_stack() if stack else {})
    state = worst(found)
    if as_json:
        sys.stdout.write(
            json.dumps({"state": state, "checks": [asdict(finding) for finding in found]}, indent=2) + "\n"
        )
    else:
        Console().print(_table(found))
    raise typer.Exit(1 if state is State.FAILING else 0)


def _found(given: dict[str, Any]) -> list[Finding]:
    try:
        settings = Settings(**given)
    except ValidationError as trouble:
        return [failing("Settings", said, "Correct it; nothing starts with it.") for said in sentences(trouble)]
    return asyncio.run(examine(settings))


def _of_stack() -> dict[str, Any]:
    """The settings of the stack that runs, or last ran, in STATE_DIR."""
    layout = Layout.at(settings_or_end(StackSettings).state_dir)
    known = layout.read_env()
    if not known:
        err.print(f"No stack was ever started in {layout.root}. Run `make up` first, or set STATE_DIR.", soft_wrap=True)
        raise typer.Exit(1)
    return {name.lower(): value for name, value in known.items()} | {"cache_dir": layout.cache}


def _table(found: list[Finding]) -> Table:
    table = Table("check", "state", "found", "what to do")
    for finding in found:
        colour = COLOURS[finding.state]
        table.add_row(finding.check, f"[{colour}]{finding.state}[/]", escape(finding.said), escape(finding.todo))
    return table


if __name__ == "__main__":
    typer.run(main)
