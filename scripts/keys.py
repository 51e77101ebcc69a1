"""The keys of recordings, by hand: `python -m scripts.keys list|rotate|destroy|replace`; docs/keys.md."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, NoReturn, TypeVar

import typer
from pymongo.errors import OperationFailure
from rich.console import Console
from rich.table import Column, Table

from app.config import Settings, StackSettings
from app.environment import settings_or_end
from app.keys import key_store
from app.logs import configure_logs
from scripts.refusals import told
from scripts.settings import settings_of_command
from scripts.stack.layout import Layout
from services.adapters.mongo.client import open_client
from services.errors import StoreUnavailable
from services.operations.epochs import Epochs, NoSuchEpoch, StillNeeded, TooSoon, WrittenElsewhere
from services.recordings.keys import LEAST_GRACE_SECONDS
from services.recordings.ports.keyring import EpochId, KeyringTrouble

T = TypeVar("T")

app = typer.Typer(add_completion=False, help=__doc__)
out = Console()
err = Console(stderr=True, highlight=False, soft_wrap=True)

ELSEWHERE = "Another process writes the keyring at this moment. Try again in some seconds."
Name = Annotated[str, typer.Argument(help="The epoch, as `list` names it.")]


@app.callback()
def choose(
    context: typer.Context,
    stack: Annotated[bool, typer.Option("--stack", help="The keys of the local stack in STATE_DIR.")] = False,
) -> None:
    """Which keys are meant: those of the environment's settings, unless the local stack's."""
    context.obj = stack


@app.command("list")
def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """The epochs, oldest first, whether their keys are there, and how many recordings need them."""
    rows, trouble = _done(context, _rows)
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        _show(rows)
    if trouble:
        _end(trouble)


def _show(rows: list[dict[str, object]]) -> None:
    table = Table(Column("epoch", no_wrap=True), "state", "begun", "key", "recordings", Column("why", overflow="fold"))
    for row in rows:
        key = "there" if row["key"] else "gone"
        begun = f"{_hours(row['open_seconds'])} ago"
        table.add_row(str(row["id"]), str(row["state"]), begun, key, str(row["recordings"]), why(row))
    out.print(table)


@app.command()
def rotate(context: typer.Context) -> None:
    """Begin a new epoch now; what is stored already stays under its own."""
    out.print(f"Recordings are sealed under epoch {_done(context, lambda epochs: epochs.rotate())} from now on.")


@app.command()
def destroy(
    context: typer.Context,
    epoch: Name,
    even_with: Annotated[
        int, typer.Option(min=0, help="Destroy it although so many recordings need it: nobody can read them then.")
    ] = 0,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Also within five minutes of its close: uploads of that time may be lost.")
    ] = False,
) -> None:
    """Destroy the key of an epoch now; nothing brings back what was sealed under it."""
    id = EpochId(epoch)
    try:
        _done(context, lambda epochs: epochs.destroy(id, even_with, at_once=at_once))
    except StillNeeded as needed:
        _end(
            f"{needed.number} recordings are sealed under epoch {id}, and nobody could read them any more. "
            f"Wait until they have ended, or say --even-with {needed.number}."
        )
    except TooSoon:
        minutes = LEAST_GRACE_SECONDS / 60
        _end(
            f"Epoch {id} is open, or was closed less than {minutes:.0f} minutes ago: an upload of this moment may be "
            "sealed under it. Run `python -m scripts.keys rotate`, come again later, or say --at-once."
        )
    except NoSuchEpoch:
        _end(f"There is no key of an epoch {id}. `python -m scripts.keys list` names those that are there.")
    out.print(f"The key of epoch {id} is destroyed.")


@app.command()
def replace(
    context: typer.Context,
    lost: Annotated[bool, typer.Option("--lost", help="The old keyring is lost for good.")] = False,
) -> None:
    """Begin a new keyring where the old one is lost for good: what was sealed with it can be read by nobody."""
    if not lost:
        _end("What was sealed with the old keyring could be read by nobody. If it is lost for good, say --lost.")
    _done(context, lambda epochs: epochs.replace())
    out.print("A new keyring is made.")


async def _rows(epochs: Epochs) -> tuple[list[dict[str, object]], str | None]:
    """What is noted of each; and what is wrong with the keyring."""
    there = set(await epochs.keyring.epochs())
    rows = [
        {**asdict(epoch), "key": epoch.id in there, "recordings": await epochs.journal.recordings(epoch.id)}
        for epoch in await epochs.journal.epochs()
    ]
    return rows, await epochs.obstacle()


def _done(context: typer.Context, act: Callable[[Epochs], Awaitable[T]]) -> T:
    settings = _of_stack() if context.obj else settings_of_command()
    try:
        return asyncio.run(_act(settings, act))
    except KeyringTrouble as trouble:
        _end(str(trouble))
    except WrittenElsewhere:
        _end(ELSEWHERE)
    except (StoreUnavailable, OperationFailure) as refusal:
        _end(f"{told(refusal)} Then run this again.")


def _of_stack() -> Settings:
    layout = Layout.at(settings_or_end(StackSettings).state_dir)
    known = layout.read_env()
    if not known:
        _end(f"No stack was ever started in {layout.root}. Run `make up` first, or set STATE_DIR.")
    settings = Settings.told(known)
    configure_logs(settings)
    return settings


async def _act(settings: Settings, act: Callable[[Epochs], Awaitable[T]]) -> T:
    async with open_client(settings.mongodb_url, "keys") as client:
        epochs = key_store(settings, client[settings.mongodb_database]).epochs
        if epochs is None:
            raise KeyringTrouble("KEYRING_DIR is not set: there is no keyring.")
        return await act(epochs)


def _end(said: str) -> NoReturn:
    err.print(said, markup=False)
    raise typer.Exit(1)


def _hours(seconds: object) -> str:
    minutes = int(float(str(seconds)) // 60)
    return f"{minutes // 60} h {minutes % 60} min"


def why(row: dict[str, object]) -> str:
    """Why its key went, and how often it was back."""
    came_back = f"came back {row['returns']} times" if row["returns"] else ""
    return "; ".join(filter(None, (str(row["reason"] or ""), came_back)))


if __name__ == "__main__":
    app()
