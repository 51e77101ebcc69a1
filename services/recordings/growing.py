"""Recordings that still arrive, to be read as far as they are here."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from services.errors import AudioMissing
from services.interviews.model import Part, PartId, PartState
from services.recordings.ports.arrivals import NEVER_DUE, NOWHERE, ArrivalRecords, Pieces

MOST_BEHIND = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    records: ArrivalRecords
    pieces: Pieces

    async def received(self, id: PartId) -> int:
        """How many bytes are here; none of what is gone."""
        try:
            return await self.pieces.offset(id)
        except AudioMissing:
            return 0

    async def part(self, id: PartId) -> Part | None:
        """The part with as many bytes as are here, while it arrives and answers something.

        None of what is not listened to before its end, or has too much behind what is settled to be read in a moment.
        """
        arriving = await self.records.find(id)
        if arriving is None or arriving.is_closed or not _answers(arriving.part):
            return None
        if arriving.listened.seen == NEVER_DUE:
            return None
        received, begun = await self.received(id), arriving.part.checkpoint
        if received - (begun.entry.offset if begun and begun.entry else 0) > MOST_BEHIND:
            return None
        return replace(arriving.part, bytes=received)

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


def _answers(part: Part) -> bool:
    """Whether it is of an answer and arrives, and its one channel, or the mean of all, is what is said."""
    return part.channels == 1 and part.state is PartState.UPLOADING and part.session_id != NOWHERE
