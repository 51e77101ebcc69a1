"""The sweep as a command, for cron: `python -m scripts.cleanup [--dry-run] [--hours N]`."""

import asyncio
from dataclasses import fields
from typing import Annotated

import typer
from pymongo.errors import OperationFailure
from rich.console import Console
from rich.table import Table

from app.config import MOST_FAILED_AUDIO_HOURS, Settings
from app.container import wire
from app.jobs import make_celery
from app.keys import keyring_lack
from scripts.refusals import told
from scripts.settings import settings_of_command
from services.adapters.mongo.client import open_client
from services.errors import StoreUnavailable
from services.operations.sweep import Counts, merged

UNTENDED = (
    "So no key was destroyed, and no new one begun; all else was looked after. `python -m scripts.doctor` says what is "
    "wrong with the keyring; once it is right, run this again."
)

MISSED = (
    "{number} of these met an error and are not done: the lines above name each and why. All else was looked after. "
    "The sweep tries again by itself; if it is the same the next time, that is a fault of ours: report it."
)

out = Console()
err = Console(stderr=True)


def main(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be done, and do nothing.")] = False,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=MOST_FAILED_AUDIO_HOURS,
            help="Keep the audio of failed answers so long; else FAILED_AUDIO_HOURS.",
        ),
    ] = None,
) -> None:
    """Repair what crashes left: lost jobs, silent workers, abandoned uploads, stray audio."""
    settings = settings_of_command(signs=True)
    if lack := keyring_lack(settings):
        err.print(lack, markup=False, soft_wrap=True)
        raise typer.Exit(1)
    kept = settings.failed_audio_hours if hours is None else hours
    try:
        with err.status("Looking at the records and the stored audio …"):
            counts, undone = asyncio.run(clean(settings, kept, dry_run=dry_run))
    except (StoreUnavailable, OperationFailure) as trouble:
        err.print(f"{told(trouble)} Nothing is lost, run this again.", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    out.print(_table(counts, "would be done" if dry_run else "done"))
    lacks = [MISSED.format(number=counts.undone)] if counts.undone else []
    lacks += [f"{undone} {UNTENDED}"] if undone else []
    for lack in lacks:
        err.print(lack, markup=False, soft_wrap=True)
    if lacks:
        raise typer.Exit(1)


async def clean(settings: Settings, hours: float, *, dry_run: bool) -> tuple[Counts, str | None]:
    """One sweep and one audit, or what they would find; and what is in the way of tending the keys."""
    async with open_client(settings.mongodb_url, "cleanup") as client:
        wiring = wire(settings, client[settings.mongodb_database], make_celery(settings, socket_timeout=2.0))
        try:
            epochs = wiring.key_store.epochs
            if dry_run:
                return await wiring.sweep.survey(hours), None if epochs is None else await epochs.obstacle()
            counts = merged(await wiring.sweep.run(hours), await wiring.sweep.audit())
            return counts, None if epochs is None else epochs.trouble
        finally:
            await wiring.close()


def _table(counts: Counts, title: str) -> Table:
    table = Table(title=title)
    table.add_column("what")
    table.add_column("count", justify="right")
    for entry in fields(counts):
        table.add_row(entry.metadata["what"], str(getattr(counts, entry.name)))
    return table


if __name__ == "__main__":
    typer.run(main)
