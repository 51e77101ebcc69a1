"""Check deletion receipts without a network: `python -m scripts.verify_receipts FILE… --keys jwks.json`.

A FILE is what `GET /api/receipts` or `/api/sessions/{s}/receipts` answered, a receipt a line, or JSON lines with a
`receipt` in each. Ends with 1 where anything is wrong, and names it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from jwt import PyJWTError

from services.adapters.receipt_keys import ReceiptVerifier
from services.recordings.receipt_chain import Head, Line, check

Files = Annotated[list[Path], typer.Argument(help="Receipts, in their order.", exists=True, dir_okay=False)]
Keys = Annotated[Path, typer.Option(help="What /.well-known/jwks.json published.", exists=True, dir_okay=False)]
Heads = Annotated[
    list[Path],
    typer.Option("--head", help="What /.well-known/deletion-receipts/{chain} published.", exists=True, dir_okay=False),
]
Some = Annotated[bool, typer.Option("--some", help="Only some receipts of a chain, like those of one session.")]


def verify_receipts(files: Files, keys: Keys, head: Heads = [], some: Some = False) -> None:  # noqa: B006
    """Say of each receipt that is not what it claims to be where it is and what is wrong."""
    verifier = _verifier(keys)
    lines = [line for file in files for line in _lines(file)]
    found = check(lines, verifier.verify, heads=[_head(file) for file in head], whole=not some)
    for fault in found.faults:
        typer.echo(f"{fault.place}: {fault.what}", err=True)
    for end in found.ends.values():
        typer.echo(f"chain {end.chain} ends with number {end.number}, hash {end.hash}")
    typer.echo(f"{found.sound} of {len(lines)} receipts are sound, {len(found.faults)} faults")
    if found.faults or not lines:
        raise typer.Exit(1)


def _verifier(file: Path) -> ReceiptVerifier:
    known = _json(file)
    if not isinstance(known.get("keys"), list):
        raise typer.BadParameter(f"{file} has no published keys: it needs a list of them under `keys`")
    try:
        return ReceiptVerifier(known)
    except (KeyError, ValueError, TypeError, PyJWTError):
        raise typer.BadParameter(f"{file} has an Ed25519 key that is none: fetch the keys again") from None


def _lines(file: Path) -> Iterator[Line]:
    text = file.read_text(errors="replace")
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("receipts"), list):
        for number, entry in enumerate(whole["receipts"], 1):
            yield Line(f"{file}, receipt {number}", _token(entry))
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield Line(f"{file}:{number}", _token_of_line(line.strip()))


def _token_of_line(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        return _token(json.loads(line))
    except ValueError:
        return line


def _token(entry: Any) -> str:
    found = entry.get("receipt") if isinstance(entry, dict) else entry
    return found if isinstance(found, str) else ""


def _head(file: Path) -> Head:
    said = _json(file)
    try:
        return Head(str(said["chain"]), int(said["seq"]), str(said["hash"]))
    except (KeyError, ValueError, TypeError):
        raise typer.BadParameter(f"{file} is no published head: it needs chain, seq and hash") from None


def _json(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(file.read_text())
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise typer.BadParameter(f"{file} is no JSON object")
    return said


if __name__ == "__main__":
    typer.run(verify_receipts)
