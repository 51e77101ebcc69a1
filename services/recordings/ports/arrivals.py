"""What the use case of recordings that arrive in pieces needs from the store.

Of a recording in arrival there is its record, whole GridFS chunks from its first byte on (`folded` bytes), and from
there on pieces, each of which lies within one chunk. What counts as received are the pieces that follow each other
without a gap. Times are the store's own.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from services.interviews.model import Part, PartId, SessionId, UserId
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.sealing import Envelope

# The doors whose recordings come in numbered slices, and not by offset.
SLICES, FILE = "slices", "file"
BY_NUMBER = frozenset({SLICES, FILE})
# What is said of a recording once it is known which answer it is.
PLACED = ("session_id", "question_id", "take", "language", "languages", "channels", "call_id")
# The session of what arrives before it is said which it is of.
NOWHERE = SessionId("")


def cut_at_chunks(at: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """What begins at this offset, so that no piece of it lies in two chunks: each with its own offset."""
    start = 0
    while start < len(data):
        end = min(len(data), start + CHUNK_BYTES - (at + start) % CHUNK_BYTES)
        yield at + start, data[start:end]
        start = end


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said of a recording before anything of it arrives, and through which door it comes.

    `key` is what its sender calls it who does not know its id: of one user's there arrives one of a key at a time.
    It has the question's channels, unless it is said how many it has.
    """

    door: str
    length: int | None = None
    media_type: str | None = None
    raw_metadata: str | None = None
    sha256: str | None = None
    key: str | None = None
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class Checksum:
    """The sum of what one request sends."""

    algorithm: Literal["sha1", "sha256"]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Slice:
    """A numbered slice of a recording, from 0 on, and what its sender says of it."""

    index: int
    start: float | None = None
    end: float | None = None
    duration: float | None = None


class SliceState(StrEnum):
    """`waiting`: for the ones before it; `received`: it is part of the recording; `announced`: not here any more."""

    ANNOUNCED = "announced"
    WAITING = "waiting"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSlice:
    """What is known of a slice that came; it is kept after its bytes are part of the recording.

    Its sum goes a day after the recording is gone.
    """

    index: int
    size: int
    state: SliceState
    sha256: str = ""
    start: float | None = None
    end: float | None = None
    duration: float | None = None
    at: datetime | None = None


NEVER_DUE = 2**62


@dataclass(frozen=True, slots=True)
class Listened:
    """What who listened last found: `seen` bytes, which had so many seconds of sound.

    There is enough for another stretch once `due` bytes are here, as far as can be told.
    """

    seen: int = 0
    seconds: float = 0.0
    due: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """The record of a recording that arrives in pieces, or did.

    `is_claimed`: only its writer of this number may append. `is_closed`: it takes nothing more, because it is being
    finished. `same_as`: the recording in work that it turned out to be.
    """

    part: Part
    plan: Plan
    expires_at: datetime
    length: int | None = None
    folded: int = 0
    writer: int = 0
    is_claimed: bool = False
    is_closed: bool = False
    envelope: Envelope | None = None
    same_as: PartId | None = None
    listened: Listened = Listened()


class Outcome(StrEnum):
    """What became of an append."""

    KEPT = "kept"
    LOST = "lost"  # something else stands at its offset
    OVER = "over"  # the recording takes nothing more
    TAKEN_OVER = "taken_over"  # kept, and a newer writer goes on


@dataclass(frozen=True, slots=True)
class Appended:
    """How many of the bytes are kept by a majority, and what became of the rest, if there is one.

    `length` is how long the whole will be, as far as that is known after it; `folded`, how much is in chunks.
    """

    size: int
    outcome: Outcome
    length: int | None = None
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """How many recordings of a user arrive in pieces, and about how many bytes of them are here."""

    recordings: int
    bytes: int


class ArrivalRecords(Protocol):
    """The records of recordings that arrive in pieces. Each change waits for a majority."""

    async def begin(self, part: Part, plan: Plan) -> Arriving:
        """Keep a new record, with the key under which all of it is sealed; KeyringUnavailable.

        Where one of the plan's key arrives already, that one.
        """

    async def newest(self, user_id: UserId, key: str) -> Arriving | None:
        """The one that was begun last under the key, arriving or finished; None where there is none."""

    async def find(self, id: PartId) -> Arriving | None:
        """The record, whatever became of it; None for what does not arrive in pieces."""

    async def place(self, part: Part) -> Arriving | None:
        """It is this take of this answer; None where it is another answer's, or takes nothing more."""

    async def arriving(self, user_id: UserId) -> list[Arriving]:
        """Those of this user that arrive now, the newest first."""

    async def declare(self, id: PartId, length: int) -> Arriving | None:
        """Note how long it will be; None where another length is noted, or it takes nothing more."""

    async def close(self, id: PartId) -> Arriving | None:
        """It takes nothing more; None where it has ended."""

    async def end_at(self, id: PartId, length: int) -> Arriving | None:
        """A closed one is so long, unless it is known how long it is; None where it has ended."""

    async def take_over(self, id: PartId) -> int | None:
        """The number of a new writer: who has an older one is told so. None where it takes nothing more."""

    async def claim(self, id: PartId) -> Arriving | None:
        """The same, and from then on nobody else may append until somebody claims it anew."""

    async def fold(self, id: PartId, folded: int) -> bool:
        """So many bytes are in whole chunks; False where as many were already, or it has ended."""

    async def became(self, id: PartId, other: PartId) -> None:
        """It is the same recording as another one in work."""

    async def heard(self, ids: Collection[PartId]) -> None:
        """Something of these has arrived: they expire as much later."""

    async def listened(self, ids: Collection[PartId]) -> dict[PartId, Listened]:
        """How far those of these are listened to that answer something, and take more."""

    async def load(self, user_id: UserId) -> Load: ...

    async def arriving_bytes(self) -> int:
        """About how many bytes of all users are here in recordings that arrive."""

    async def may_be_read(self, arriving: Arriving) -> bool:
        """Whether its key is there, and stays."""


class Pieces(Protocol):
    """The bytes of recordings that arrive in pieces."""

    async def append(self, arriving: Arriving, at: int, data: bytes, writer: int | None = None) -> Appended:
        """Keep these bytes behind the first `at`, which have been received; with a writer's number as its own.

        Of what another writer has claimed nothing is said to be kept; what is seen of it all the same stays, as
        somebody may go on behind it.
        StoreUnavailable where it is not known whether they are kept.
        """

    async def write_ahead(self, arriving: Arriving, n: int, chunks: Sequence[memoryview], writer: int) -> bool:
        """Keep whole chunks from this number on, of which none counts yet; False where something is in their place.

        A majority has them then. Their writer has claimed the recording.
        """

    async def count(self, arriving: Arriving, until: int, writer: int) -> Appended:
        """What its writer wrote ahead up to this byte counts, behind what is in chunks: all of it, or nothing."""

    async def clear(self, id: PartId, at: int, before: int) -> None:
        """Forget what writers before this one wrote ahead behind the first `at` bytes, or of the chunk that goes on
        there, and their pieces that are behind a gap.

        None of it counts; what has been received meanwhile stays.
        """

    async def offset(self, id: PartId) -> int:
        """How many bytes have been received, as a majority knows it."""

    def read(self, arriving: Arriving, start: int = 0) -> AsyncIterator[bytes]:
        """What has been received from this byte on; AudioMissing where something before it is gone."""

    async def write_chunk(self, arriving: Arriving, n: int, size: int) -> bool:
        """Make this chunk, of so many bytes, of the pieces in it; False where they are not all there, or nothing of
        it is needed any more.

        A majority has it then. Who makes it once more makes the same.
        """

    async def let_go(self, id: PartId, below: int) -> None:
        """Forget the pieces below this byte: chunks have them."""

    async def write_file(self, arriving: Arriving, size: int, metadata: Mapping[str, object]) -> None:
        """Make of the chunks the file that every GridFS driver knows. A majority has it then."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is received of a recording in slices: so many of them from the first on, with so many bytes."""

    count: int = 0
    size: int = 0


class Slices(Protocol):
    """Slices of recordings, in whatever order they come.

    A recording may have very many: what is asked for with each that comes does not look at all of them.
    """

    async def announce(self, id: PartId, slice: Slice, size: int, sha256: str) -> KeptSlice:
        """Note a slice; where one of its number is noted, that one."""

    async def keep(self, arriving: Arriving, index: int, data: bytes) -> None:
        """Keep the bytes of an announced slice until those before it are here."""

    async def of(self, id: PartId) -> list[KeptSlice]:
        """All that are noted, in their order."""

    async def one(self, id: PartId, index: int) -> KeptSlice | None:
        """What is noted of this one."""

    async def head(self, id: PartId) -> Head: ...

    async def bytes_behind(self, id: PartId, head: Head) -> int:
        """How many bytes those have that are noted and not received."""

    async def data(self, arriving: Arriving, index: int) -> bytes | None:
        """The bytes that are kept of it; None where there are none."""

    async def received(self, id: PartId, index: int, end: int) -> None:
        """It is part of the recording, of which it brings so many bytes together; its own are kept here no longer."""


class Room(Protocol):
    """How much room there is."""

    async def free_bytes(self) -> int | None:
        """What is free where the recordings are stored; None where that is not known."""
