"""What verifying the stored recordings needs to see of files, chunks and records."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import Part, PartId


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as its document tells of it."""

    id: PartId
    length: int
    chunk_bytes: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk without its data."""

    n: int
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A record, and for how many seconds it has been as it is by the store's own clock."""

    part: Part
    seconds: float


class Inventory(Protocol):
    """Everything that is stored of recordings, lot by lot, by indexes alone."""

    def files(self) -> AsyncIterator[list[StoredFile]]: ...

    def loose_chunks(self) -> AsyncIterator[list[PartId]]:
        """The ids under which there are chunks and no file, or pieces or slices."""

    def needing(self) -> AsyncIterator[list[PartId]]:
        """The records whose recording has to be there: they wait, are in work, or keep it."""

    def arriving(self) -> AsyncIterator[dict[PartId, int]]:
        """Recordings that arrive in pieces, each with how many bytes of it have to be in whole chunks."""

    async def chunks(self, ids: Collection[PartId]) -> dict[PartId, list[StoredChunk]]:
        """In their order."""

    async def records(self, ids: Collection[PartId]) -> dict[PartId, Kept]: ...

    async def ages(self, ids: Collection[PartId]) -> dict[PartId, float]:
        """How many seconds ago these ids were made."""

    async def let_go(self, id: PartId) -> Part | None:
        """A failed record keeps its recording no longer; None if it did not."""
