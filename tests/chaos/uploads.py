"""Clients that upload while things break, each in a thread, and what they were told."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.audio import RATE
from tests.chaos.machine import Machine
from tests.chaos.piecewise import Piecewise
from tests.chaos.recordings import HALF, LIVE_SECONDS, LONG, Voice, long_recording

BOUNDARY = "chaos"
PIECE = 100_000
PATIENCE = 60.0


@dataclass
class Told:
    """One upload: what was sent, and what the client heard of it; status 0 is nothing."""

    session: str
    question: str
    number: int
    small: bool = False
    live: bool = False
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    half: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status == 202

    def audio(self, voice: Voice) -> bytes:
        return long_recording(self.number) if self.live else voice.recording(self.number, small=self.small)

    def says(self, voice: Voice) -> str:
        return f"{LONG} {LIVE_SECONDS * RATE}" if self.live else voice.said(self.number)

    def wait(self) -> None:
        self.gate.set()
        if self.thread is not None:
            self.thread.join(PATIENCE + 10)


def start(
    machine: Machine,
    session: str,
    question: str,
    *,
    at_half: bool = False,
    small: bool = False,
    pieces: bool = False,
    live: bool = False,
) -> Told:
    """Begin an upload, in `pieces` if that is asked for; `at_half`: it waits in the middle of its body for the gate.

    A `live` one does so too: it is long, and what is sent of it by then is some stretches.
    """
    told = Told(session, question, machine.number(), small, live)
    if not at_half and not live:
        told.gate.set()
    work = _upload_in_pieces if pieces or live else _upload
    told.thread = threading.Thread(target=work, args=(machine, told), daemon=True)
    told.thread.start()
    return told


def _upload(machine: Machine, told: Told) -> None:
    head, tail = _frame()
    audio = told.audio(machine.voice)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(head) + len(audio) + len(tail)),
    }
    try:
        with machine.client() as client:
            path = f"/api/upload-answer/{told.session}/{told.question}"
            answer = client.post(path, content=_body(told, head, audio, tail), headers=headers, timeout=PATIENCE)
            told.status, told.body = answer.status_code, answer.json()
    except (httpx2.HTTPError, ValueError, OSError):
        told.status = 0
    finally:
        told.half.set()


def _upload_in_pieces(machine: Machine, told: Told) -> None:
    audio = told.audio(machine.voice)
    until = told.gate if told.live else None
    if id := Piecewise(machine, told.session, told.question, audio, until).run():
        told.status, told.body = 202, {"file_id": id}


def _frame() -> tuple[bytes, bytes]:
    disposition = 'Content-Disposition: form-data; name="audio"; filename="a.wav"'
    return f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def _body(told: Told, head: bytes, audio: bytes, tail: bytes) -> Iterator[bytes]:
    yield head
    for at in range(0, len(audio), PIECE):
        if at >= HALF and not told.half.is_set():
            told.half.set()
            told.gate.wait(PATIENCE)
        yield audio[at : at + PIECE]
    yield tail
