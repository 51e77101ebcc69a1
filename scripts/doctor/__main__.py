"""`python -m scripts.doctor [--stack] [--json]`: what is not well, and what to do; 1 if anything is failing."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from app.config import Settings, StackSettings
from app.environment import sentences, settings_or_end, strangers, variables
from app.finding import Finding, State, failing, warning, worst
from app.logs import configure_logs
from scripts.doctor import processes
from scripts.doctor.examine import examine
from scripts.doctor.listing import Setting, listed
from scripts.stack.layout import Layout

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAILING: "red"}
err = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Told:
    """The variables that are judged, where each came from, and what there is to say of them before that."""

    variables: Mapping[str, str]
    source: Callable[[str], str]
    findings: tuple[Finding, ...] = ()


def main(
    stack: Annotated[bool, typer.Option("--stack", help="Look at the local stack in STATE_DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Look at MongoDB, Redis, the engine, the workers, the work and the settings, and list what is set."""
    with err.status("Looking at every part …"):
        found, settings = _looked(_of_stack() if stack else Told(variables(), lambda _: "environment"))
    state = worst(found)
    if as_json:
        report = {"state": state, "checks": [*map(asdict, found)], "settings": [*map(asdict, settings)]}
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        show(found, settings)
    raise typer.Exit(1 if state is State.FAILING else 0)


def _looked(told: Told) -> tuple[list[Finding], list[Setting]]:
    found = [*told.findings, *_strange(told.variables)]
    try:
        settings = Settings.told(told.variables)
    except ValidationError as trouble:
        return [*found, *(failing("Settings", said, "Nothing starts with it.") for said in sentences(trouble))], []
    configure_logs(settings)  # or what is logged would stand among what is found
    return [*found, *asyncio.run(examine(settings))], listed(settings, told.source)


def _strange(given: Mapping[str, str]) -> list[Finding]:
    found = strangers(Settings, StackSettings, given=given)
    return [warning("Settings", f"{name} is none", f"Did you mean {meant}?") for name, meant in found.items()]


def _of_stack() -> Told:
    """The settings of the stack that runs, or last ran, in STATE_DIR; not those of whoever asks."""
    layout = Layout.at(settings_or_end(StackSettings).state_dir)
    known = layout.read_env() | {"CACHE_DIR": str(layout.cache)}
    if not layout.env.is_file():
        err.print(f"No stack was ever started in {layout.root}. Run `make up` first, or set STATE_DIR.", soft_wrap=True)
        raise typer.Exit(1)
    if running := _environment(layout):
        own = {*known, "DEMO_PAGE"}
        source = str(layout.settings)
        findings = tuple(processes.looked_at(layout))
        return Told(running, lambda name: source if name in own else "environment of `make up`", findings)
    todo = "Run `make up`. Judged are the settings that it made last; those that it was given are not known."
    return Told(known, lambda _: str(layout.env), (warning("Stack", "it does not run", todo),))


def _environment(layout: Layout) -> dict[str, str]:
    """That of the first of the stack's own programs that runs."""
    return next(filter(None, map(layout.read_environment, ("worker", "api", "upkeep", "beat"))), {})


def show(found: list[Finding], settings: list[Setting]) -> None:
    """Print what was found, and what is set."""
    console = Console()
    checks = Table("check", "state", _whole("found"), _whole("what to do"))
    for finding in found:
        colour = COLOURS[finding.state]
        checks.add_row(finding.check, f"[{colour}]{finding.state}[/]", escape(finding.said), escape(finding.todo))
    console.print(checks)
    own = [setting for setting in settings if setting.source != "default"]
    table = Table(
        "setting", _whole("value"), _whole("from"), caption=f"{len(settings) - len(own)} more have their defaults"
    )
    for setting in own:
        table.add_row(setting.name, escape(setting.value), escape(setting.source))
    console.print(table)


def _whole(name: str) -> Column:
    """Folders and addresses are longer than a narrow terminal's column, and are told to their end."""
    return Column(name, overflow="fold")


if __name__ == "__main__":
    typer.run(main)
