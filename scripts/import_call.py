"""`python -m scripts.import_call FILE [FILE]`: have a recorded call transcribed as a conversation.

One file with two channels, the left one of who answers; or two files, the left side and the right one; or a capture of
the network (.pcap, .pcapng) with both sides as RTP.
"""

import time
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress

from client import ApiProblem, NewQuestion, NoConnection, VivaVoce
from client.models import Conversation
from scripts.calls.bringing import Brought, bring
from scripts.calls.captures import NoCall
from scripts.calls.show import show_conversation
from services.adapters.packet_captures import CaptureUnreadable
from services.errors import Problem

console, errors = Console(highlight=False), Console(stderr=True, highlight=False, soft_wrap=True)
PAUSE_SECONDS = 1.0
NO_CALL = "This API took the recording as one of a single side. It is older than this script: update it."


def reachable(url: str) -> str:
    """The address, if one can be asked at it."""
    try:
        known = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        known = httpx2.URL("")
    if known.scheme not in ("http", "https") or not known.host:
        raise typer.BadParameter("write it like http://127.0.0.1:8000")
    return url


Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="The call: one file, or two.")]
Url = Annotated[str, typer.Option(help="Where the API is.", callback=reachable)]
Token = Annotated[str, typer.Option(envvar="VIVA_VOCE_TOKEN", help="A bearer token; scripts.mint_token makes one.")]


def import_call(
    files: Files,
    token: Token,
    url: Url = "http://127.0.0.1:8000",
    session: Annotated[str | None, typer.Option(help="The session that it is of; without one, a new session.")] = None,
    question: Annotated[str, typer.Option(help="The question that it is about.")] = "call",
    left: Annotated[str | None, typer.Option(help="Of a capture: the flow of who answers.")] = None,
    right: Annotated[str | None, typer.Option(help="Of a capture: the flow of who asks.")] = None,
    keep: Annotated[Path | None, typer.Option(help="A folder for the sides of it, and both merged.")] = None,
    wait_seconds: Annotated[float, typer.Option(min=1, help="How long to wait for the transcript.")] = 3600.0,
) -> None:
    """Send it, wait, and print the conversation; 1 where that cannot be had, 2 where the files are no call."""
    try:
        with console.status("Reading …"):
            brought = bring(files, left, right)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
    except (NoCall, CaptureUnreadable, Problem, OSError) as trouble:
        errors.print(str(trouble), markup=False)
        raise typer.Exit(2) from None
    try:
        with VivaVoce(url, token) as client:
            _import(client, brought, session or _session(client, question, files[0].name), question, keep, wait_seconds)
    except httpx2.ConnectError as trouble:
        errors.print(f"{url} is not reached: {trouble}. Start the API there, or say --url.", markup=False)
        raise typer.Exit(1) from None
    except (ApiProblem, NoConnection, httpx2.HTTPError, OSError) as trouble:
        errors.print(str(trouble) or type(trouble).__name__, markup=False)
        raise typer.Exit(1) from None


def _session(client: VivaVoce, question: str, title: str) -> str:
    asked: NewQuestion = {"id": question, "text": "A call", "channels": 2}
    return client.create_session([asked], title=title[:200])["session_id"]


def _import(
    client: VivaVoce, brought: Brought, session: str, question: str, keep: Path | None, wait_seconds: float
) -> None:
    if brought.said:
        console.print(brought.said, markup=False)
    with Progress("Sending", BarColumn(), DownloadColumn(), console=console) as bar:
        task = bar.add_task("Sending")
        sent = client.upload(
            session,
            question,
            brought.sound,
            channels=2,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    call = sent.get("call_id")
    if call is None:
        raise TimeoutError(NO_CALL)
    for path in brought.keep(keep, call) if keep else ():
        console.print(f"kept: {path}", markup=False)
    console.print(f"call {call}, session {session}", markup=False)
    show_conversation(console, _transcribed(client, call, wait_seconds))


def _transcribed(client: VivaVoce, call: str, wait_seconds: float) -> Conversation:
    end = time.monotonic() + wait_seconds
    with console.status("Transcribing …"):
        while (found := client.conversation(call))["status"] != "completed":
            if time.monotonic() > end:
                raise TimeoutError(f"It is not transcribed after {wait_seconds:.0f} s; ask again for call {call}.")
            time.sleep(PAUSE_SECONDS)
    return found


if __name__ == "__main__":
    typer.run(import_call)
