"""Recordings that still arrive, to be read as far as they are here."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.errors import AudioMissing
from services.interviews.model import PartId
from services.recordings.ports.arrivals import ArrivalRecords, Arriving, Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    records: ArrivalRecords
    pieces: Pieces

    async def found(self, id: PartId) -> Arriving | None:
        """None for what does not arrive in pieces."""
        return await self.records.find(id)

    async def received(self, id: PartId) -> int:
        """How many bytes are here; none of what is gone."""
        try:
            return await self.pieces.offset(id)
        except AudioMissing:
            return 0

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        """What is here from a byte on; nothing more once all is in its file."""
        arriving = await self.records.find(id)
        if arriving is None:
            raise AudioMissing
        async for piece in self.pieces.read(arriving, start):
            yield piece
