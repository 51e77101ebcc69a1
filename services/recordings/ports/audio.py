"""What the use cases need from the store of recordings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.interviews.model import PartId
from services.recordings.formats import Container

CHUNK_BYTES = 255 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored of a recording; `epoch` is that of the key under which it was sealed."""

    sha256: str
    size: int
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion removed, what a look afterwards still found, and when that was by the store's clock.

    `epoch` is that of the key under which it was sealed; None where it was not, or was gone before.
    """

    files: int
    chunks: int
    left: int
    at: datetime | None = None
    epoch: str | None = None


class Audio(Protocol):
    """Bytes under an id."""

    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        """Keep the bytes as they arrive.

        The primary has confirmed them once this returns; see Elections. Holds a
        few chunks at most. If it is left by an error, `delete` removes what was
        written. StoreUnavailable if the database did not confirm.
        """

    async def keep(self, id: PartId, data: bytes, metadata: Mapping[str, object]) -> Stored:
        """The same of bytes that are all there; when it is left, however that is, nothing more of them is written."""

    async def is_whole(self, id: PartId, stored: Stored) -> bool:
        """Whether a majority has all that was stored."""

    def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        """The bytes from one of them on, in pieces; AudioMissing if they are not there."""

    async def mark(self, id: PartId, status: str) -> None:
        """Set the file's `status` in its metadata; nothing there is no error."""

    async def delete(self, id: PartId) -> Deletion:
        """Forget the bytes. Nothing there is no error."""

    async def stored(self, id: PartId) -> tuple[int, int]:
        """How many files and chunks there are under the id; pieces and slices of it count as chunks."""

    def orphaned_files(self) -> AsyncIterator[list[PartId]]:
        """The ids of all files, lot by lot; a record decides which of them are strays."""

    def orphaned_chunks(self) -> AsyncIterator[list[PartId]]:
        """The ids under which there are chunks and no file, or pieces or slices, lot by lot."""


async def _always(_: float) -> None:
    """Where nobody counts, there is room for all."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A recording as it arrives: its container, its bytes from the first on, and how many are announced, 0 if unknown.

    `reserve` says how long it is, as far as is known, and raises TooMuchQueued where that may not wait.
    """

    container: Container
    data: AsyncIterator[bytes]
    announced: int = 0
    reserve: Callable[[float], Awaitable[None]] = _always
