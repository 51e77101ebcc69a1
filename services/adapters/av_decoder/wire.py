"""What is said between the worker and the process that decodes."""

from dataclasses import dataclass
from struct import Struct

HEAD = Struct(">cI")
READY, SAMPLES, TOO_LONG, DONE = b"r", b"s", b"l", b"d"

RATE = 16_000
BYTES_PER_SECOND = 2 * RATE
LARGEST_MESSAGE = 1024 * 1024


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


def message(kind: bytes, body: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(body)) + body
