"""Compare stored recordings with their records: `python -m scripts.verify_storage [--repair] [--quick]`.

Changes nothing without --repair. What arrives is never touched. Ends with 1 where something stays wrong.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer
from pymongo.errors import OperationFailure
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from app.config import Settings
from app.container import wire
from app.jobs import make_celery
from scripts.refusals import told
from scripts.settings import settings_of_command
from services.adapters.mongo.client import open_client
from services.adapters.mongo.inventory import MongoInventory
from services.errors import StoreUnavailable
from services.operations.storage_check import Damage, Found, StorageCheck

MOST_SHOWN = 50

WORDS = {
    Damage.ORPHANED_FILE: "a file that no record needs",
    Damage.ORPHANED_CHUNKS: "chunks without a file that no record needs",
    Damage.MISSING: "a record whose recording is not there",
    Damage.CHUNKS_MISSING: "a recording of which chunks are missing",
    Damage.LENGTH_WRONG: "a recording of another length",
    Damage.SUM_WRONG: "a recording of another sum",
    Damage.SEAL_BROKEN: "a recording that was changed (its seal does not fit)",
    Damage.KEY_GONE: "a recording whose epoch's key is gone",
    Damage.STRAY_UTTERANCES: "words of a recording that no record needs",
}

out = Console()
err = Console(stderr=True)


def main(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Delete what no record needs, and let failed answers go whose sound is lost."),
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Numbers and sizes only; read no recording.")] = False,
) -> None:
    """Say what of the stored recordings is not as their records say."""
    settings = settings_of_command(signs=True)
    try:
        found = asyncio.run(_verify(settings, repair=repair, contents=not quick))
    except (StoreUnavailable, OperationFailure) as trouble:
        err.print(f"{told(trouble)} Nothing is lost, run this again.", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    _show(found)
    if any(not one.is_mended for one in found):
        raise typer.Exit(1)


async def _verify(settings: Settings, *, repair: bool, contents: bool) -> list[Found]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("Recordings looked at", total=None)
        return await verified(settings, lambda n: progress.advance(task, n), repair=repair, contents=contents)


async def verified(settings: Settings, looked: Callable[[int], None], *, repair: bool, contents: bool) -> list[Found]:
    """Everything that is wrong in the database of the settings."""
    async with open_client(settings.mongodb_url, "verify") as client:
        database = client[settings.mongodb_database]
        wiring = wire(settings, database, make_celery(settings, socket_timeout=2.0))
        check = StorageCheck(
            inventory=MongoInventory(database),
            audio=wiring.audio,
            utterances=wiring.utterances,
            close=wiring.closing.close,
            abort=wiring.uploads.abort,
            looked=looked,
        )
        try:
            return [found async for found in check.run(repair=repair, contents=contents)]
        finally:
            await wiring.close()


def _show(found: list[Found]) -> None:
    if not found:
        out.print("Everything that is stored is as its records say.")
        return
    table = Table("What", Column("Recording", no_wrap=True), Column("Detail", overflow="fold"), "Mended")
    for one in found[:MOST_SHOWN]:
        table.add_row(WORDS[one.damage], one.id, one.detail, "yes" if one.is_mended else "no")
    out.print(table)
    mended = sum(one.is_mended for one in found)
    more = f" (the first {MOST_SHOWN} are shown)" if len(found) > MOST_SHOWN else ""
    out.print(f"{len(found)} found{more}, {mended} mended")


if __name__ == "__main__":
    typer.run(main)
