"""The journal of erasures, outside of the store: `python -m scripts.erasures export FILE | apply FILE | reapply`.

A restored store has the journal of its backup. Export it often to where no restore reaches, and apply it after one.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pymongo.errors import OperationFailure
from rich.console import Console

from app.container import wire
from app.jobs import make_celery
from scripts.refusals import told
from scripts.settings import settings_of_command
from services.adapters.mongo.client import open_client
from services.errors import StoreUnavailable
from services.interviews.erasable import ErasureId
from services.interviews.model import SessionId
from services.operations.ports.erasures import Cause, Erasure, Owner
from services.operations.reapplying import Applied, Reapplying

out, err = Console(), Console(stderr=True, soft_wrap=True)
app = typer.Typer(help="The journal of erasures, outside of the store.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="JSON, an entry a line.")]


@app.command("export")
def export_command(file: File) -> None:
    """Write the whole journal into a file. It names sessions, and users only by salted sums."""
    try:
        number = _run(export(file))
    except OSError as trouble:
        err.print(f"{file} cannot be written: {trouble.strerror}. Nothing is exported.", markup=False)
        raise typer.Exit(2) from None
    out.print(f"{number} entries in {file}")


@app.command("apply")
def apply_command(file: File) -> None:
    """Erase again what an exported journal says was erased, and what the store's own says."""
    try:
        lines = enumerate(file.read_text().splitlines(), 1)
        entries = [_entry(number, line) for number, line in lines if line.strip()]
    except (OSError, ValueError) as trouble:
        err.print(f"{file} is no exported journal: {trouble}", markup=False)
        raise typer.Exit(2) from None
    _tell(_run(apply(entries)))


@app.command("reapply")
def reapply_command() -> None:
    """Erase again what the store's own journal says was erased."""
    _tell(_run(apply([])))


async def export(file: Path) -> int:
    async with _reapplying() as reapplying:
        lines = [json.dumps(_line(entry), separators=(",", ":")) async for entry in reapplying.entries()]
    whole = file.with_name(f".{file.name}.part")
    whole.write_text("".join(f"{line}\n" for line in lines))
    whole.replace(file)
    return len(lines)


async def apply(entries: list[Erasure]) -> Applied:
    async with _reapplying() as reapplying:
        own = {entry.id: entry async for entry in reapplying.entries()}
        with err.status("Erasing what was erased before …"):
            return await reapplying.apply((own | {entry.id: entry for entry in entries}).values())


@asynccontextmanager
async def _reapplying() -> AsyncIterator[Reapplying]:
    settings = settings_of_command(signs=True)
    async with open_client(settings.mongodb_url, "erasures") as client:
        wiring = wire(settings, client[settings.mongodb_database], make_celery(settings, socket_timeout=2.0))
        try:
            yield Reapplying(wiring.erasing.journal, wiring.erasing)
        finally:
            await wiring.close()


def _run(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except (StoreUnavailable, OperationFailure) as trouble:
        err.print(f"{told(trouble)} Then run this again: repeating it does no harm.", markup=False)
        raise typer.Exit(1) from None


def _tell(applied: Applied) -> None:
    out.print(f"{applied.entries} entries, {applied.found} of them with something to erase.")
    if applied.waiting:
        out.print(f"{applied.waiting} still wait, for uploads or a legal hold: the sweep goes on with them.")


def _line(entry: Erasure) -> dict[str, Any]:
    return {
        "id": entry.id,
        "session_id": entry.session_id,
        "salt": entry.owner.salt,
        "digest": entry.owner.digest,
        "cause": entry.cause.value,
        "rule": entry.rule,
        "asked_at": entry.asked_at.isoformat(),
    }


def _entry(number: int, text: str) -> Erasure:
    try:
        return _read(json.loads(text))
    except KeyError as missing:
        raise ValueError(f"line {number} has no {missing.args[0]}") from None
    except (ValueError, TypeError) as trouble:
        raise ValueError(f"line {number}: {trouble}") from None


def _read(line: dict[str, Any]) -> Erasure:
    asked_at = datetime.fromisoformat(line["asked_at"])
    if asked_at.tzinfo is None:
        raise ValueError("a time without its zone")
    return Erasure(
        id=ErasureId(line["id"]),
        session_id=None if line["session_id"] is None else SessionId(line["session_id"]),
        owner=Owner(line["salt"], line["digest"]),
        cause=Cause(line["cause"]),
        rule=line["rule"],
        asked_at=asked_at,
    )


if __name__ == "__main__":
    app()
