"""Finishing a recording that arrived in pieces: from then on it is one like any other.

1. it takes nothing more, and its length is what has been received;
2. it is read once for its sum, unless the process took that on the way;
3. what is not in chunks yet is put there, and GridFS's file is made of them, so that a majority has everything before
4. the record is `queued`, shown and rung for, as any upload's is.

Each step may be repeated by whoever comes; the sweep repeats what was interrupted after 1.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.errors import (
    AudioEmpty,
    AudioMissing,
    ChecksumMismatch,
    KeyringUnavailable,
    LengthInconsistent,
    NotAudio,
    Problem,
    StoreUnavailable,
    UploadGone,
    UploadNotFound,
)
from services.interviews.model import ENDED, Part, PartId, PartState
from services.recordings.accepting import GIVEN_UP, Accepting, metadata_of
from services.recordings.folding import Folding
from services.recordings.formats import SNIFF_BYTES, Container, estimated_seconds, sniff
from services.recordings.known_arrivals import Seen
from services.recordings.ports.arrivals import ArrivalRecords, Arriving, Pieces
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.ports.records import Records, Uploads

ALL = 2**62

SeenOf = Callable[[int], Seen | None]


def _unseen(_: int) -> None:
    """Where nobody has seen all of it."""


async def _all_of(*work: Awaitable[Any]) -> None:
    """Wait for all, also where one fails: none may go on where another one ends it."""
    for done in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(done, BaseException):
            raise done


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing:
    records: ArrivalRecords
    pieces: Pieces
    uploads: Uploads
    parts: Records
    accepting: Accepting
    folding: Folding

    async def run(self, id: PartId, seen_of: SeenOf = _unseen) -> Part:
        """The accepted part, or the same recording in work; `seen_of` says what was seen of so many bytes.

        LengthInconsistent before it takes nothing more; AudioEmpty, NotAudio, ChecksumMismatch, after which nothing
        of it is left.
        """
        arriving = await self.records.find(id)
        if arriving is None:
            raise UploadNotFound
        if arriving.part.state is not PartState.UPLOADING:
            return await self._ended(arriving)
        closed = await self._closed(arriving, seen_of)
        if closed is None:
            return await self.run(id, seen_of)
        try:
            part = await self._accepted(closed, seen_of)
        except Unfit as unfit:
            await self.accepting.give_up(closed.part, unfit.problem.code)
            raise unfit.problem from None
        except AudioMissing:
            now = await self.records.find(id)
            if now is not None and now.part.state is PartState.UPLOADING:
                raise
            # Who finished it at the same time has let go of its pieces, or it was given up.
            await self.nothing_left(closed.part)
            part = None
        return await self.run(id, seen_of) if part is None else part

    async def nothing_left(self, part: Part) -> None:
        """What came of one that has ended meanwhile goes: who gave it up, or heard it, may have looked before."""
        now = await self.records.find(part.id)
        if now is None or now.part.state is PartState.ABORTED:
            await self.accepting.give_up(part, UploadGone.code)
        elif now.part.state in ENDED and not now.part.keep_audio:
            await self.accepting.audio.delete(part.id)

    async def _closed(self, arriving: Arriving, seen_of: SeenOf) -> Arriving | None:
        """It takes nothing more, and has a length; None where it has ended meanwhile."""
        id, length = arriving.part.id, arriving.length
        if length is not None and seen_of(length) is None and await self.pieces.offset(id) < length:
            now = await self.records.find(id)
            if now is None or now.part.state is PartState.UPLOADING:
                raise LengthInconsistent
            return None  # who has finished it meanwhile has let go of its pieces
        closed = await self.records.close(id)
        if closed is None or closed.length is not None:
            return closed
        return await self.records.end_at(id, await self.pieces.offset(id))

    async def _accepted(self, arriving: Arriving, seen_of: SeenOf) -> Part | None:
        """None where it has ended meanwhile."""
        part, size = arriving.part, arriving.length or 0
        if not size:
            raise Unfit(AudioEmpty())
        seen = seen_of(size) or Seen(await self._sum(arriving, size), None)
        container = seen.container or await self._container(arriving, size)
        if arriving.plan.sha256 not in (None, seen.sha256):
            raise Unfit(ChecksumMismatch())
        await self._whole(arriving, size, container)
        seconds = estimated_seconds(container, size)
        epoch = None if arriving.envelope is None else arriving.envelope.epoch
        queued = await self.uploads.accept(part.id, seen.sha256, size, seconds, epoch)
        if queued is None:
            await self.nothing_left(part)
            return None
        if queued.id != part.id:
            await self.records.became(part.id, queued.id)
            await self.accepting.give_up(part, "the same recording is in work")
            await self.accepting.announce(queued)
        else:
            await _all_of(self.accepting.announce(queued), self._let_go(part.id))
        return queued

    async def _let_go(self, id: PartId) -> None:
        with suppress(StoreUnavailable):  # they go with the recording
            await self.pieces.let_go(id, ALL)

    async def _whole(self, arriving: Arriving, size: int, container: Container) -> None:
        """All of it is a file, and nothing is behind its last chunk; AudioMissing."""
        folded = await self.folding.whole_chunks(arriving, size)
        n, rest = divmod(size, CHUNK_BYTES)
        if folded.folded != n * CHUNK_BYTES:
            raise AudioMissing
        await _all_of(
            self._last_chunk(folded, n, rest),
            self._cleared(arriving, n + bool(rest)),
            self._file(arriving, size, container),
        )

    async def _file(self, arriving: Arriving, size: int, container: Container) -> None:
        if not await self.records.may_be_read(arriving):
            raise Unfit(KeyringUnavailable(GIVEN_UP))
        await self.pieces.write_file(arriving, size, metadata_of(arriving.part, container))

    async def _last_chunk(self, arriving: Arriving, n: int, rest: int) -> None:
        if rest and not await self.pieces.write_chunk(arriving, n, rest):
            raise AudioMissing

    async def _cleared(self, arriving: Arriving, chunks: int) -> None:
        """Nothing is left of what somebody wrote ahead who did not come to count it."""
        if arriving.is_claimed:
            await self.pieces.clear(arriving.part.id, chunks * CHUNK_BYTES, arriving.writer + 1)

    async def _container(self, arriving: Arriving, size: int) -> Container:
        head = b""
        async for piece in self.pieces.read(arriving):
            head += piece[:SNIFF_BYTES]
            if len(head) >= SNIFF_BYTES:
                break
        if len(head) < min(size, SNIFF_BYTES):
            raise AudioMissing
        container = sniff(head[:SNIFF_BYTES])
        if container is None:
            raise Unfit(NotAudio())
        return container

    async def _sum(self, arriving: Arriving, size: int) -> str:
        digest, left = hashlib.sha256(), size
        async for piece in self.pieces.read(arriving):
            digest.update(piece[:left])
            left -= min(left, len(piece))
        if left:
            raise AudioMissing
        return digest.hexdigest()

    async def _ended(self, arriving: Arriving) -> Part:
        """The same answer as the first time."""
        if arriving.same_as is not None:
            same = await self.parts.get(arriving.same_as)
            if same is None:
                raise UploadGone
            await self._shown(same)
            return same
        if arriving.part.state is PartState.ABORTED:
            raise UploadGone
        await self._shown(arriving.part)
        return arriving.part

    async def _shown(self, part: Part) -> None:
        """Whoever accepted it may have been cut off before it was shown."""
        if part.state is PartState.QUEUED:
            await self.accepting.announce(part)


class Unfit(Exception):
    """Nothing can be made of it, and nothing of it stays."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem
