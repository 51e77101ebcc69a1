"""Making chunks of pieces, so that few documents are left of what has arrived.

A chunk is made first, then the record says that it is there, then its pieces go. Who is cut off in between, or does
the same at the same time, leaves what the next one finds and goes on from.
"""

import asyncio
from dataclasses import dataclass, replace

from services.recordings.ports.arrivals import ArrivalRecords, Arriving, Pieces
from services.recordings.ports.audio import CHUNK_BYTES

MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    records: ArrivalRecords
    pieces: Pieces

    async def whole_chunks(self, arriving: Arriving, offset: int) -> Arriving:
        """Fold the chunks that are full in so many bytes; the record as far as it is known then."""
        while (first := arriving.folded // CHUNK_BYTES) < (full := offset // CHUNK_BYTES):
            numbers = range(first, min(full, first + MOST_AT_ONCE))
            made = await asyncio.gather(*(self.pieces.write_chunk(arriving, n, CHUNK_BYTES) for n in numbers))
            number = next((count for count, is_made in enumerate(made) if not is_made), len(made))
            if number:
                folded = (first + number) * CHUNK_BYTES
                await self.records.fold(arriving.part.id, folded)
                await self.pieces.let_go(arriving.part.id, folded)
                arriving = replace(arriving, folded=folded)
            else:
                now = await self.records.find(arriving.part.id)
                if now is None or now.folded <= arriving.folded:
                    return arriving
                arriving = now
        return arriving
