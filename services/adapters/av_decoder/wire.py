"""What is said between the worker and the process that decodes."""

import signal
from dataclasses import dataclass
from struct import Struct

HEAD = Struct(">cI")
READY, SAMPLES, TOO_LONG, DONE = b"r", b"s", b"l", b"d"

RATE = 16_000
BYTES_PER_SECOND = 2 * RATE
LARGEST_MESSAGE = 1024 * 1024

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
