"""What is said between the worker and the process that decodes.

The worker orders first. Then it sends the recording, or, where that is large, the bytes that are asked for. It is told
the plan, then the samples, then how it ended.
"""

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
ORDER, NEED = b"o", b"n"
READY, PLAN, SAMPLES, TOO_LONG, UNREADABLE, FAILED, DONE = b"r", b"p", b"s", b"l", b"u", b"f", b"d"
PAGES = b"g"

RATE = 16_000
BYTES_PER_SECOND = 2 * RATE
LARGEST_MESSAGE = 1024 * 1024
MOST_PAGES_A_SECOND = 64 * 1024  # bytes of them: a second of the most that Opus makes of two channels
LARGEST_PLAN = 64 * 1024
RANGE = Struct(">QI")
HELD_BYTES = 64 * 1024 * 1024  # what a process holds of a recording; of a larger one it asks for what it needs
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
        """A recording is gone through up to five times."""
        return 10 + int(self.seconds / 15)

    @property
    def memory(self) -> int:
        """Beyond what the template itself has mapped."""
        return 256 * 1024 * 1024 + 2 * self.held

    @property
    def held(self) -> int:
        return min(self.bytes, HELD_BYTES)


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


@dataclass(frozen=True, slots=True)
class Order:
    """What the worker wants of a recording of so many bytes (None: it ends when they end): samples from one of them on.

    `plan` is what another process has found out of the same recording; `channel` is the one that is wanted alone. With
    `entered` it is entered in its middle: so many bytes of its head, the sample that follows upon them, and how many
    bytes were left out between. Where two are to be merged, so many bytes are the left one's; pages come, no samples.
    """

    most_seconds: float
    size: int | None = None
    skip: int = 0
    plan: bytes | None = None
    channel: int | None = None
    entered: tuple[int, int, int] | None = None
    left: int | None = None

    @property
    def is_held(self) -> bool:
        return self.size is None or self.size <= HELD_BYTES

    def body(self) -> bytes:
        plan = self.plan and self.plan.decode("ascii")
        place = [self.skip, plan, self.channel, self.entered, self.left]
        return json.dumps([self.most_seconds, self.size, *place]).encode()


def order_of(body: bytes) -> Order:
    most_seconds, size, skip, plan, channel, entered, left = json.loads(body)
    return Order(most_seconds, size, skip, plan and plan.encode("ascii"), channel, entered and tuple(entered), left)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a process tells before the first sample: how many there are in all, and what is wrong with them.

    The entries, where they are asked for, are bytes of what it was sent, each with its sample, and from which byte to
    which its head is.
    """

    samples: int
    flaws: tuple[Flaw, ...]
    plan: bytes
    entries: tuple[tuple[int, int, int, int], ...] = ()

    def body(self) -> bytes:
        return json.dumps([self.samples, _rows(self.flaws), self.plan.decode("ascii"), self.entries]).encode()


def planned_of(body: bytes) -> Planned:
    """ValueError or TypeError where it is none.

    The child may be in a stranger's hands, so that nothing else is taken from it; its plan goes to such as it alone.
    """
    samples, rows, plan, entries = json.loads(body)
    if type(samples) is not int or samples <= 0 or not isinstance(plan, str):
        raise ValueError(samples)
    short = plan if len(plan) <= LARGEST_PLAN else ""
    places = tuple(_place(*entry) for entry in entries)
    return Planned(samples, tuple(_flaw(*row) for row in rows), short.encode("ascii"), places)


def error_body(error: Exception) -> bytes:
    """The error's name and where it was raised; never its words, which may be the recording's."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}".encode()


def error_of(body: bytes) -> str:
    said = body.decode("ascii", "replace")
    return said if ERROR.fullmatch(said) else "an error without a name"


def _rows(flaws: Iterable[Flaw]) -> list[tuple[str, float | None, float | None]]:
    return [(flaw.code, flaw.at, flaw.seconds) for flaw in flaws]


def _flaw(code: object, *places: object) -> Flaw:
    at, seconds = (place if place is None else _seconds(place) for place in places)
    if not isinstance(code, str) or not code.isidentifier() or len(code) > LONGEST_CODE:
        raise ValueError(code)
    return Flaw(code=code, at=at, seconds=seconds)


def _place(*numbers: object) -> tuple[int, int, int, int]:
    offset, samples, head, end = (number for number in numbers if type(number) is int and number >= 0)
    if not head <= end <= offset:
        raise ValueError(numbers)
    return offset, samples, head, end


def _seconds(place: object) -> float:
    if not isinstance(place, int | float) or not 0 <= place < LATEST_SECONDS:
        raise ValueError(place)
    return float(place)
