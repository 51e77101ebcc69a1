"""`python -m scripts.demo_call`: a call of two voices as RTP over UDP, heard while it goes on, and nothing left of it.

It has a stack of its own, and loses 3 % of the packets on the way.
"""

import random
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from pymongo.errors import PyMongoError
from rich.console import Console

from app.config import StackSettings
from app.environment import settings_or_end
from client import ApiProblem, NoConnection, VivaVoce
from client.models import Conversation
from scripts.calls.sample import SampleCall, sample_call
from scripts.calls.sending import Sender
from scripts.calls.show import show_conversation
from scripts.demo.__main__ import DATABASE, UNPROVEN
from scripts.demo.proof import audio_left_at_last, forget
from scripts.stack import ports
from scripts.stack.errors import StackError
from scripts.stack.signals import Signals, Stopped
from scripts.stack.stack import Stack, opened
from services.adapters.jwt_tokens import mint

PORTS_OF_CALLS = 8  # of two, as a first one may be given up
FIRST_PORT, LAST_PORT = 42_000, 60_000
WAIT_SECONDS = 120.0
GAPS, LEAD = (0.6, 0.8, -0.4, 0.7, 1.1), 1.0
NAMES = ("candidate", "interviewer")

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def demo_call(lost: Annotated[float, typer.Option(min=0, max=50, help="Packets lost, in a hundred.")] = 3.0) -> None:
    """Hold a call of half a minute, and print it as a conversation."""
    signals = Signals()
    try:
        with tempfile.TemporaryDirectory(prefix="viva-voce-", ignore_cleanup_errors=True) as folder:
            code = _hold(Path(folder), signals, lost)
    except Stopped:
        errors.print("Stopped; nothing is left running.")
        code = 128 + (signals.received or 0)
    except (StackError, ApiProblem, NoConnection, httpx2.HTTPError, TimeoutError) as error:
        errors.print(str(error), markup=False)
        code = 1
    except PyMongoError as error:
        errors.print(f"{UNPROVEN} {type(error).__name__}: {error}", markup=False)
        code = 1
    raise typer.Exit(code)


def _hold(folder: Path, signals: Signals, lost: float) -> int:
    first = free_ports()
    own = {"state_dir": folder, "port": ports.choose(), "mongodb_database": DATABASE}
    settings = settings_or_end(StackSettings).model_copy(
        update=own | {"rtp_ports": f"{first}-{first + PORTS_OF_CALLS - 1}"}
    )
    with opened(settings) as stack:
        with console.status("Starting MongoDB, Valkey, worker, beat, API and the receiver of RTP …"):
            stack.wait(signals.pause, lambda _: None)
        with VivaVoce(stack.url, _token(stack), pause=signals.pause) as client:
            conversation = _call(client, stack, sample_call(GAPS, LEAD), signals, lost)
        show_conversation(console, conversation, NAMES)
        left = audio_left_at_last(stack.environment["MONGODB_URL"], DATABASE, signals.pause)
        forget(stack.environment["MONGODB_URL"], DATABASE)
    told = ", ".join(f"{name} {count}" for name, count in left.items())
    console.print(f"In the database: {told}: {'audio is left' if any(left.values()) else 'no audio is left'}")
    return 1 if any(left.values()) or not conversation["turns"] else 0


def _call(client: VivaVoce, stack: Stack, call: SampleCall, signals: Signals, lost: float) -> Conversation:
    session = client.create_session(
        [{"id": "call", "text": "Processes, and indexes", "language": "en"}], title="A call"
    )
    begun = _begun(client, session["session_id"], signals)
    with ExitStack() as ending:
        senders = []
        for number, (side, sound) in enumerate((("left", call.left), ("right", call.right)), 1):
            address = begun["rtp"][side]
            senders.append(Sender((address["host"], address["port"]), sound, number, lost))
            ending.callback(senders[-1].stop)
        begin = time.monotonic() + 0.3
        for sender in senders:
            sender.start(begin)
        _follow(stack, session["session_id"])
        with console.status(f"The call goes on for {call.seconds:.0f} s …"):
            while not all(sender.is_over for sender in senders):
                signals.pause()
    console.print(f"{sum(s.sent for s in senders)} packets sent, {sum(s.lost for s in senders)} lost on the way")
    ended = time.monotonic()
    client.end_call(begun["call_id"])
    with console.status("Hearing the rest …"):
        found = _whole(client, begun["call_id"], signals)
    console.print(f"All is transcribed {time.monotonic() - ended:.1f} s after the end of the call")
    return found


def _begun(client: VivaVoce, session: str, signals: Signals) -> Any:
    """Once the receiver is known to be there."""
    end = time.monotonic() + WAIT_SECONDS
    while (begun := client.begin_call(session, "call"))["rtp"] is None:
        client.delete_call(begun["call_id"])
        if time.monotonic() > end:
            raise TimeoutError("No process takes in RTP. Look at rtp.log in the stack's folder.")
        signals.pause()
    return begun


def _whole(client: VivaVoce, call: str, signals: Signals) -> Conversation:
    end = time.monotonic() + WAIT_SECONDS
    while (found := client.conversation(call))["status"] != "completed":
        if time.monotonic() > end:
            raise TimeoutError(f"The call is not transcribed after {WAIT_SECONDS:.0f} s.")
        signals.pause()
    return found


def _follow(stack: Stack, session: str) -> None:
    """Print what is understood while the call goes on, on a thread that ends with the process."""

    def follow() -> None:
        with VivaVoce(stack.url, _token(stack), tries=1) as client:
            try:
                for event in client.events(session):
                    _tell(dict(event))
            except (ApiProblem, httpx2.HTTPError):
                return

    threading.Thread(target=follow, daemon=True).start()


def _tell(event: dict[str, Any]) -> None:
    if event.get("type") == "utterance" and event.get("text"):
        who = NAMES[1] if event.get("side") == "right" else NAMES[0]
        console.print(f"  {event['start']:5.1f} s  {who}: {event['text']}", markup=False)


def free_ports() -> int:
    """The first of as many free UDP ports as the call may take."""
    firsts = range(FIRST_PORT, LAST_PORT, PORTS_OF_CALLS)
    for first in random.SystemRandom().sample(firsts, len(firsts)):
        try:
            with ExitStack() as held:
                for port in range(first, first + PORTS_OF_CALLS):
                    line = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    line.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise StackError("No eight UDP ports that follow each other are free on 127.0.0.1.")


def _token(stack: Stack) -> str:
    return mint(stack.environment["JWT_SECRET"], "demo", admin=False, seconds=3600)


if __name__ == "__main__":
    typer.run(demo_call)
