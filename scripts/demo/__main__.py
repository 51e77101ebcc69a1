"""`python -m scripts.demo`: a stack of its own, an interview, the scores, and the proof that the audio is gone."""

import secrets
import tempfile
import time
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from pymongo.errors import PyMongoError
from rich.console import Console

from app.config import Settings, StackSettings
from app.environment import settings_or_end
from client import Analysis, ApiProblem, NotAnsweredInTime, VivaVoce
from scripts.demo import show
from scripts.demo.interview import Interview, NoRecording, of_one, the_demo
from scripts.demo.proof import audio_left_at_last, forget, forget_keys, oplog_reach
from scripts.demo.receipts import check_receipts
from scripts.demo.run import Play
from scripts.stack import ports
from scripts.stack.errors import StackError
from scripts.stack.signals import Signals, Stopped
from scripts.stack.stack import Stack, opened
from services.adapters.jwt_tokens import mint
from services.adapters.mongo import oplog
from services.errors import StoreUnavailable
from services.recordings.ports.keyring import KeyringTrouble

DATABASE = f"viva_voce_demo_{secrets.token_hex(4)}"
UNPROVEN = "The database could not be asked what is left of the recordings; run this again."

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def demo(audio: Annotated[Path | None, typer.Option(help="A recording of your own.")] = None) -> None:
    """Transcribe and score a spoken interview, or transcribe a recording of your own."""
    try:
        interview = of_one(audio) if audio else the_demo()
    except NoRecording as error:
        errors.print(str(error), markup=False)
        raise typer.Exit(2) from None
    raise typer.Exit(_run(interview, is_own=audio is not None))


def _run(interview: Interview, *, is_own: bool) -> int:
    signals = Signals()
    try:
        with tempfile.TemporaryDirectory(prefix="viva-voce-", ignore_cleanup_errors=True) as folder:
            return _play(interview, Path(folder), signals, is_own=is_own)
    except Stopped:
        errors.print("Stopped; nothing is left running.")
        return 128 + (signals.received or 0)
    except (StackError, ApiProblem, NotAnsweredInTime, httpx2.HTTPError) as error:
        errors.print(str(error), markup=False)
        return 1
    except (StoreUnavailable, PyMongoError, KeyringTrouble) as error:
        errors.print(f"{UNPROVEN} {type(error).__name__}: {error}", markup=False)
        return 1


def _play(interview: Interview, folder: Path, signals: Signals, *, is_own: bool) -> int:
    started = time.monotonic()
    with opened(_settings(folder)) as stack:
        with console.status("Starting MongoDB, Valkey, worker, beat and API …"):
            stack.wait(signals.pause, lambda _: None)
        ready_after = time.monotonic() - started
        with VivaVoce(stack.url, _token(stack), pause=signals.pause) as client:
            play = Play(client, interview, signals, console)
            play.seconds["start"] = ready_after
            result = play.run()
            checked = check_receipts(client)
        _show(result, is_own=is_own)
        code = _prove(stack, signals)
        show.show_receipt(console, checked)
        forget(stack.environment["MONGODB_URL"], DATABASE)
        show.show_times(console, play.seconds)
        return code or (1 if checked.faults else 0)


def _show(result: Analysis, *, is_own: bool) -> None:
    if is_own:
        show.show_recording(console, result["answers"][0])
    else:
        show.show_scores(console, result)


def _prove(stack: Stack, signals: Signals) -> int:
    left = audio_left_at_last(stack.environment["MONGODB_URL"], DATABASE, signals.pause)
    reach = oplog.told(oplog_reach(stack.environment["MONGODB_URL"]))
    keys = 0 if any(left.values()) else forget_keys(Settings.told(stack.environment))
    show.show_proof(console, left, reach, keys)
    return 1 if any(left.values()) else 0


def _settings(folder: Path) -> StackSettings:
    return settings_or_end(StackSettings).model_copy(
        update={"state_dir": folder, "port": ports.choose(), "mongodb_database": DATABASE}
    )


def _token(stack: Stack) -> str:
    return mint(stack.environment["JWT_SECRET"], "demo", admin=False, seconds=3600)


if __name__ == "__main__":
    typer.run(demo)
