"""Answers that tell by their length which they are, and an engine that hears it, and says each time when it did."""

import io
import itertools
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import av
import numpy as np

from tests.audio import RATE
from tests.calls.marked import heard_in
from tests.calls.sound import Samples
from tests.chaos.gates import Gate
from tests.openai_server import OpenAIServer, Received, Reply, judges, says
from tests.system.speech import samples

SECONDS = 2
STEP = RATE // 100
MOST = 1000
PADDING = 1_300_000
HALF = 700_000
LIVE_SECONDS = 46
LONG = "LONG"
CALL = "CALL"
POINT = "finds rows without scanning the table"
JUDGED: dict[str, object] = {"number": 1, "point": POINT, "met": True, "quote": POINT, "comment": "Said so."}
COUNTED = "an index finds rows without scanning the table and slows down every write"
COUNTING = 20 * COUNTED.split()


@cache
def _speech() -> bytes:
    """Two seconds of somebody speaking, from the demo."""
    pieces = []
    with av.open(str(samples()[0].audio)) as source:
        converter = av.AudioResampler("s16", "mono", RATE)
        for frame in [*source.decode(audio=0), None]:
            pieces += [bytes(piece.planes[0])[: piece.samples * 2] for piece in converter.resample(frame)]
    return b"".join(pieces)[: SECONDS * RATE * 2]


def recording(number: int, room: int = PADDING) -> bytes:
    """A WAV file of six chunks, mostly padding that a decoder skips, which is as long as its number says."""
    sound = _speech() + bytes(STEP * 2 * (number % MOST))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    padding = struct.pack("<4sII", b"JUNK", room + 4, number) + bytes(room)
    body = b"WAVE" + form + padding + struct.pack("<4sI", b"data", len(sound)) + sound
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@cache
def _long_speech() -> bytes:
    return LIVE_SECONDS // SECONDS * _speech()


def long_recording(number: int) -> bytes:
    """A WAV file of some stretches, all speech, with its number in a chunk that a decoder skips."""
    sound = _long_speech()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sII", b"JUNK", 4, number) + struct.pack("<4sI", b"data", len(sound)) + sound
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def counted(samples: int) -> str:
    """What the engine hears in a stretch of a long recording: enough words, and how much it was given."""
    return f"{' '.join(COUNTING[: 4 + samples // RATE])} {samples}."


def samples_in(text: str) -> int:
    """How much the engine was given, of all that is said to have been heard."""
    return sum(int(word.rstrip(".")) for word in text.split() if word.rstrip(".").isdecimal())


def said(number: int) -> str:
    """What the engine hears in that recording, before it says how often it was asked."""
    return f"This is answer number {number % MOST}, and it {POINT}."


def in_call(words: Sequence[str]) -> str:
    """What must be heard of a side of a call; other words of it may be."""
    return " ".join([CALL, *words])


class Voice:
    """What is uploaded, and what is to be heard in it."""

    def recording(self, number: int, *, small: bool = False) -> bytes:
        """A small one is stored as a whole."""
        return recording(number, 0 if small else PADDING)

    def said(self, number: int) -> str:
        return said(number)

    def is_right(self, said: str, heard: str) -> bool:
        """Of a long one all of it was given to the engine, and nothing of it twice; of a call as much as there was."""
        if said.startswith(CALL):
            return set(said.split()[1:]) <= set(heard.split())
        return samples_in(heard) == samples_in(said) if said.startswith(LONG) else heard.startswith(said)


def samples_of(flac: bytes) -> int:
    """How many are in a FLAC file, by its head."""
    return int.from_bytes(flac[18:26], "big") & ((1 << 36) - 1)


def number_of(flac: bytes) -> int:
    """Which recording a FLAC file is, from how long it is."""
    return round((samples_of(flac) - SECONDS * RATE) / STEP)


def _sound(flac: bytes) -> Samples:
    with av.open(io.BytesIO(flac), "r") as source:
        converter = av.AudioResampler("flt", "mono", RATE)
        frames = [*source.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in converter.resample(frame)]
    return np.concatenate(pieces)


class Engine(OpenAIServer):
    """Hears the recordings, and judges what was said where it is asked to; at its two gates it can be met.

    While it `counts`, it says of each stretch how long that is, and not which recording it is; while it `reads`,
    which places of a marked side are there.
    No two of its transcripts are the same: `heard` tells when it was asked for each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, datetime] = {}
        self.hearing, self.scoring = Gate(), Gate()
        self._hearings = itertools.count(1)
        self.counts = self.reads = False

    def release(self) -> None:
        """Nobody waits any more."""
        self.hearing.release()
        self.scoring.release()

    def reply(self, received: Received) -> Reply:
        if received.path.endswith("/chat/completions"):
            self.scoring.go_through()
            return judges(JUDGED)
        if self.counts:
            text = counted(samples_of(received.file))
        else:
            heard = " ".join(heard_in(_sound(received.file))) if self.reads else said(number_of(received.file))
            text = f"{heard} Hearing {next(self._hearings)}."
            self.heard[text] = datetime.now(UTC)
        self.hearing.go_through()
        return says(text)
