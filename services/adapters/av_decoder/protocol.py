"""What is said between the worker and the process that decodes."""

import json
import re
import signal
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from services.interviews.transcript import Flaw

HEAD = Struct(">cI")
READY, SAMPLES, AFRESH, TOO_LONG, UNREADABLE, FAILED, DONE = b"r", b"s", b"a", b"l", b"u", b"f", b"d"

RATE = 16_000
BYTES_PER_SECOND = 2 * RATE
LARGEST_MESSAGE = 1024 * 1024
LONGEST_CODE = 40
LATEST_SECONDS = 1e7
ERROR = re.compile(r"[\w.]{1,80} at [\w.<>]{1,80}:\d{1,6}", re.ASCII)

SEALED = b"sealed"
ENDING = Struct(">BdQ")
# A child that ends by one of these was brought there by its recording, and would be again.
OWN_FAULT = {
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGSYS,
    signal.SIGXCPU,
}


@dataclass(frozen=True, slots=True)
class Caps:
    """What one recording may cost."""

    seconds: float
    bytes: int

    @property
    def cpu_seconds(self) -> int:
        return 10 + int(self.seconds / 30)

    @property
    def memory(self) -> int:
        """Beyond what the template itself has mapped."""
        return 256 * 1024 * 1024 + 2 * self.bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended, as its parent saw it: the signal that killed it (0: none), and what it had used."""

    signal: int
    cpu_seconds: float
    peak_bytes: int

    @property
    def is_own_fault(self) -> bool:
        return self.signal in OWN_FAULT


def message(kind: bytes, body: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(body)) + body


def error_body(error: Exception) -> bytes:
    """The error's name and where it was raised; never its words, which may be the recording's."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}".encode()


def error_of(body: bytes) -> str:
    said = body.decode("ascii", "replace")
    return said if ERROR.fullmatch(said) else "an error without a name"


def flaws_body(flaws: Iterable[Flaw]) -> bytes:
    return json.dumps([(flaw.code, flaw.at, flaw.seconds) for flaw in flaws]).encode()


def flaws_of(body: bytes) -> tuple[Flaw, ...]:
    """What the child tells of the recording; ValueError or TypeError where that is no list of flaws.

    The child may be in a stranger's hands, so that nothing else is taken from it.
    """
    return tuple(_flaw(*row) for row in json.loads(body))


def _flaw(code: object, *places: object) -> Flaw:
    at, seconds = (place if place is None else _seconds(place) for place in places)
    if not isinstance(code, str) or not code.isidentifier() or len(code) > LONGEST_CODE:
        raise ValueError(code)
    return Flaw(code=code, at=at, seconds=seconds)


def _seconds(place: object) -> float:
    if not isinstance(place, int | float) or not 0 <= place < LATEST_SECONDS:
        raise ValueError(place)
    return float(place)
