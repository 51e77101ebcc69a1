"""Recordings that still arrive, to be read as far as they are here."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from services.errors import AudioMissing
from services.interviews.model import Part, PartId, PartState
from services.recordings.ports.arrivals import NOWHERE, ArrivalRecords, Arriving, Pieces


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

    async def part(self, id: PartId) -> Part | None:
        """The part with as many bytes as are here, while it arrives and answers something."""
        arriving = await self.records.find(id)
        if arriving is None or arriving.is_closed or arriving.part.state is not PartState.UPLOADING:
            return None
        if arriving.part.session_id == NOWHERE:
            return None
        return replace(arriving.part, bytes=await self.received(id))

    async def seconds(self, id: PartId) -> float:
        """How much of it is here, by what was found of its bytes where it was listened to last."""
        arriving = await self.records.find(id)
        if arriving is None or not arriving.listened.seconds:
            return 0.0
        return await self.received(id) * arriving.listened.seconds / arriving.listened.seen

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        """What is here from a byte on; nothing more once all is in its file."""
        arriving = await self.records.find(id)
        if arriving is None:
            raise AudioMissing
        async for piece in self.pieces.read(arriving, start):
            yield piece
