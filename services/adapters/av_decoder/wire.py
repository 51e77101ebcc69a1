"""What is said between the worker and the process that decodes."""

import json
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

from services.transcript import Flaw

HEAD = Struct(">cI")
READY, SAMPLES, TOO_LONG, DONE = b"r", b"s", b"l", b"d"

RATE = 16_000
BYTES_PER_SECOND = 2 * RATE
LARGEST_MESSAGE = 1024 * 1024
LONGEST_CODE = 40
LATEST_SECONDS = 1e7

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
        return self.signal == 0 or self.signal in OWN_FAULT


def message(kind: bytes, body: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(body)) + body


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
