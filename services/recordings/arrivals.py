"""Recordings that arrive in pieces: begun, appended to by offset or by index, finished or given up.

A piece is acknowledged when a majority has it, and it is accepted only behind what has been received: of two that
come at one offset one is kept. Any process may take in the next one, finish, or give up; what one remembers of a
recording saves it questions, and decides nothing. A crash at any point loses nothing that was acknowledged.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from math import isfinite

import structlog

from services.errors import (
    AnswerUnnamed,
    AudioEmpty,
    AudioMissing,
    ChecksumMismatch,
    LengthInconsistent,
    NotAudio,
    OffsetMismatch,
    Problem,
    SentByNumber,
    SliceInvalid,
    SlicesMissing,
    StoreUnavailable,
    TooLargeToCheck,
    UploadComplete,
    UploadGone,
    UploadNotFound,
)
from services.interviews.model import Part, PartId, PartState, QuestionId, SessionId, Viewer
from services.interviews.ports import Elections, Sessions
from services.recordings.accepting import GIVEN_UP, Accepting
from services.recordings.ahead import Over
from services.recordings.arrival import Arrival, arrival_of, is_over, may_see
from services.recordings.arrival_limits import ArrivalLimits, ArrivalRoom
from services.recordings.completing import Completing, SeenOf
from services.recordings.folding import Folding
from services.recordings.formats import SNIFF_BYTES, sniff
from services.recordings.known_arrivals import Known, KnownArrivals
from services.recordings.numbering import Numbered, next_take
from services.recordings.ordering import Ordering
from services.recordings.placing import Placing, unplaced
from services.recordings.ports.arrivals import (
    BY_NUMBER,
    NOWHERE,
    ArrivalRecords,
    Arriving,
    Checksum,
    KeptSlice,
    Pieces,
    Plan,
    Room,
    Slice,
    Slices,
    SliceState,
)
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.ports.records import Records, Uploads
from services.recordings.receiving import Receiving
from services.recordings.tending import Tending

log = structlog.get_logger(__name__)

MOST_SLICES = 100_000
CLOSE_SECONDS = 2.0
MOST_SLICE_SECONDS = 7 * 24 * 3600.0
MOST_UNFOLDED = 8 * CHUNK_BYTES
NEVER = float("-inf")


@dataclass(slots=True, kw_only=True)
class Arrivals:
    """The use case, in one process; `grown` is told of what grows, each half a second."""

    limits: ArrivalLimits
    sessions: Sessions
    elections: Elections
    uploads: Uploads
    parts: Records
    records: ArrivalRecords
    pieces: Pieces
    slices: Slices
    room: Room
    accepting: Accepting
    grown: Callable[[PartId], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    _known: KnownArrivals = field(init=False)
    _limiting: ArrivalRoom = field(init=False)
    _folding: Folding = field(init=False)
    _tending: Tending = field(init=False)
    _completing: Completing = field(init=False)
    _ordering: Ordering = field(init=False)
    _placing: Placing = field(init=False)
    _finishing: dict[PartId, asyncio.Task[Part]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._known = KnownArrivals(clock=self.clock)
        self._limiting = ArrivalRoom(limits=self.limits, records=self.records, room=self.room, clock=self.clock)
        self._folding = Folding(records=self.records, pieces=self.pieces)
        self._tending = Tending(
            records=self.records,
            folding=self._folding,
            doorbell=self.accepting.doorbell,
            grown=self.grown,
            clock=self.clock,
        )
        self._completing = Completing(
            records=self.records,
            pieces=self.pieces,
            uploads=self.uploads,
            parts=self.parts,
            accepting=self.accepting,
            folding=self._folding,
        )
        self._placing = Placing(sessions=self.sessions, elections=self.elections, records=self.records)
        self._ordering = Ordering(pieces=self.pieces, slices=self.slices, append=self._append_slice)

    async def begin(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer, plan: Plan) -> Arrival:
        """Number the next take, and keep its record before anything of it arrives.

        Where one of the plan's key arrives already, that one goes on.
        SessionNotFound, QuestionNotFound, AudioEmpty for a length of 0, AudioTooLarge, TooManyArrivals,
        TooMuchArriving, ArrivalsSaturated, StorageShort, KeyringUnavailable.
        """
        if plan.length is not None:
            self._refuse_length(plan.length)
        session = await self.sessions.get(session_id, viewer)
        if plan.key is not None:
            there = await self.records.newest(session.user_id, plan.key)
            if there is not None and not is_over(there):
                return await self.find(there.part.id, viewer)
        await self._limiting.another(session.user_id)
        numbered = await next_take(self.sessions, session_id, question_id, viewer, channels=plan.channels)
        return await self._begin(numbered, viewer, plan)

    async def begin_numbered(self, numbered: Numbered, viewer: Viewer, plan: Plan) -> Arrival:
        """The same of a take that has its number already."""
        await self._limiting.another(numbered.part.user_id)
        return await self._begin(numbered, viewer, plan)

    async def _begin(self, numbered: Numbered, viewer: Viewer, plan: Plan) -> Arrival:
        arriving = await self.records.begin(numbered.part, plan)
        if arriving.part.id != numbered.part.id:
            return await self.find(arriving.part.id, viewer)
        if numbered.since is not None and not self.elections.none_since(numbered.since):
            # The number may have been given twice.
            await self.accepting.give_up(numbered.part, StoreUnavailable.code)
            raise StoreUnavailable(GIVEN_UP)
        self._known.keep(Known(arriving, 0, self.clock()))
        return arrival_of(arriving, 0)

    async def begin_unplaced(self, viewer: Viewer, plan: Plan) -> Arrival:
        """Keep the record of what is to be placed before it is finished; as `begin` otherwise."""
        await self._limiting.another(viewer.user_id)
        arriving = await self.records.begin(unplaced(viewer), plan)
        return await self.find(arriving.part.id, viewer)

    async def place(self, id: PartId, viewer: Viewer, session_id: SessionId, question_id: QuestionId) -> Arrival:
        """Say which answer it is: its next take, unless it is one already.

        SessionNotFound, QuestionNotFound, AnswerDiffers, UploadComplete, UploadGone.
        """
        arriving = await self._found(id, viewer)
        placed = await self._placing.place(arriving, session_id, question_id, viewer)
        if placed is None:
            await self._refuse_ended(id)
        elif (known := self._known.get(id)) is not None and not is_over(placed):
            known.arriving = replace(placed, folded=max(placed.folded, known.arriving.folded))
        return await self.find(id, viewer)

    async def find(self, id: PartId, viewer: Viewer) -> Arrival:
        """UploadNotFound where it is absent or another user's, UploadGone where it was deleted or has expired."""
        arriving, received = await self._found(id, viewer), 0
        if not is_over(arriving):
            received = await self._offset(id)
            arriving = await self._found(id, viewer)  # once it is finished its pieces go
        slices = tuple(await self.slices.of(id))
        if is_over(arriving):
            received = arriving.part.bytes or arriving.length or 0
        return arrival_of(arriving, received, slices)

    async def newest(self, key: str, viewer: Viewer) -> Arrival | None:
        """What this user began last under the key, arriving or finished; None where that was given up, or is not.

        Its slices are not listed.
        """
        arriving = await self.records.newest(viewer.user_id, key)
        if arriving is None:
            return None
        if is_over(arriving):
            return arrival_of(arriving, arriving.part.bytes or arriving.length or 0)
        return arrival_of(arriving, await self._offset(arriving.part.id))

    async def arriving(self, viewer: Viewer) -> list[Arrival]:
        """This user's own that arrive now, the newest first."""
        found = await self.records.arriving(viewer.user_id)
        looked_at = await asyncio.gather(*(self._still_there(each) for each in found))
        return [arrival for arrival in looked_at if arrival is not None]

    async def _still_there(self, arriving: Arriving) -> Arrival | None:
        """None where it ended meanwhile."""
        try:
            return arrival_of(arriving, await self._offset(arriving.part.id))
        except UploadGone:
            return None

    async def interrupt(self, id: PartId, viewer: Viewer) -> None:
        """End the request that sends to it here, if there is one, so that what it has brought is what there is."""
        await self._seen_by(id, viewer)
        async with self._known.turn(id, takes_over=True):
            return

    async def located(self, id: PartId, viewer: Viewer) -> Arrival:
        """As `find`, for who goes on from there: a request here that is silent ends, and what it brought counts."""
        arrival = await self.find(id, viewer)
        return await self.find(id, viewer) if await self._known.end_silent(id) else arrival

    async def append(
        self,
        id: PartId,
        viewer: Viewer,
        at: int,
        data: AsyncIterator[bytes],
        *,
        length: int | None = None,
        checksum: Checksum | None = None,
        takes_over: bool = False,
        told: Callable[[int], None] | None = None,
    ) -> Arrival:
        """Take in what follows the first `at` bytes; what is received counts, also where `data` breaks off.

        With `told` what `data` yields is kept by itself before more is asked for, and `told` hears how far that is.

        `length` says how long the whole recording will be. With a checksum nothing counts unless it is right.
        OffsetMismatch, UploadInUse, UploadTakenOver (the older request, where the newer takes over or it is silent),
        ChecksumMismatch, TooLargeToCheck, LengthInconsistent, AudioTooLarge, NotAudio, UploadComplete, UploadGone,
        TooMuchArriving, ArrivalsSaturated, StorageShort, and whatever `data` raises.
        """
        await self._seen_by(id, viewer)
        async with self._known.turn(id, takes_over=takes_over) as turn:
            known = await self._at(id, at)
            if known.arriving.plan.door in BY_NUMBER:
                raise SentByNumber
            if length is not None:
                await self._declare(known, length)
            async with aclosing(turn.until_taken_over(data)) as arriving:
                await self._receive(known, self._checked(arriving, checksum) if checksum else arriving, told)
            return arrival_of(known.arriving, known.offset)

    async def tail(self, id: PartId, viewer: Viewer, most: int) -> bytes:
        """The last bytes that have been received, so many at most; UploadNotFound, UploadGone."""
        arriving = await self._found(id, viewer)
        start = max(0, await self._offset(id) - most)
        return b"".join([piece async for piece in self.pieces.read(arriving, start)])[-most:]

    async def finish(self, id: PartId, viewer: Viewer, *, slices: int = 0) -> Part:
        """Accept what has been received as the recording: the accepted part, or the same recording in work.

        The same each time that it is asked. LengthInconsistent where the declared length is not reached, AnswerUnnamed
        where it is not placed, SlicesMissing (of so many, or up to the last that came), AudioEmpty, NotAudio,
        ChecksumMismatch where it is not what was declared, TakeSuperseded where a newer take was accepted meanwhile.
        """
        arriving, there = await asyncio.gather(self._found(id, viewer), self.slices.of(id))
        if arriving.part.session_id == NOWHERE:
            raise AnswerUnnamed
        if not is_over(arriving):
            if missing := arrival_of(arriving, 0, tuple(there)).missing(slices):
                raise SlicesMissing(missing)
            if there:
                with suppress(UploadComplete):  # who has finished it meanwhile has moved them
                    await self._ordering.move_what_waits(arriving)
        return await asyncio.shield(self._finish(id))

    async def drive(self, id: PartId) -> Part:
        """Finish what somebody began to finish."""
        return await asyncio.shield(self._finish(id))

    async def end_of(self, id: PartId) -> None:
        """Until what is being finished is over, whatever becomes of it; StoreUnavailable."""
        try:
            await self.drive(id)
        except StoreUnavailable:
            raise
        except Problem as problem:
            log.info("nothing came of what was finished", part=id, code=problem.code)

    async def abort(self, id: PartId, viewer: Viewer) -> None:
        """Give it up, with all that was received; UploadComplete where it is finished."""
        arriving = await self._found(id, viewer)
        ended = None if is_over(arriving) else await self.uploads.stop(id)
        self._known.forget(id)
        if ended is None:
            await self._refuse_ended(id)
        else:
            await self.accepting.close(ended)

    async def put(self, id: PartId, viewer: Viewer, slice: Slice, data: AsyncIterator[bytes]) -> KeptSlice:
        """Take in a slice, which may be empty, in whatever order they come; the same one again changes nothing.

        SliceDiffers where another one of its number came, SliceInvalid, TooLargeToCheck, and what `append` raises.
        """
        _refuse_invalid(slice)
        arriving = await self._found(id, viewer)
        there = await self.slices.one(id, slice.index)
        if is_over(arriving) and there is None:
            raise UploadComplete
        body = await self._held(data)
        if slice.index == 0 and len(body) >= SNIFF_BYTES and sniff(body[:SNIFF_BYTES]) is None:
            raise NotAudio  # and what came of the others stays
        if not is_over(arriving):
            self._limiting.size(await self._size_of_slices(id) + (len(body) if there is None else 0))
            await self._limiting.more(arriving.part.user_id, len(body))
        with suppress(UploadComplete):  # it may be a part of what was finished meanwhile
            await self._ordering.put(arriving, slice, body)
        kept = await self.slices.one(id, slice.index)
        if kept is None:
            raise UploadGone
        if kept.state is not SliceState.RECEIVED:
            await self._refuse_over(arriving.part, viewer)
        return kept

    async def _refuse_over(self, part: Part, viewer: Viewer) -> None:
        """UploadComplete, UploadGone: what waits of one that has ended meanwhile never is a part of it, and goes."""
        try:
            arriving = await self._found(part.id, viewer)
            if is_over(arriving) or arriving.is_closed:
                raise UploadComplete
        except (UploadNotFound, UploadGone, UploadComplete):
            await self._completing.nothing_left(part)
            raise

    async def slice(self, id: PartId, index: int) -> KeptSlice | None:
        """What is known of a slice that came, of a recording that the caller may see."""
        kept = await self.slices.one(id, index)
        return None if kept is None or kept.state is SliceState.ANNOUNCED else kept

    async def _size_of_slices(self, id: PartId) -> int:
        head = await self.slices.head(id)
        return head.size + await self.slices.bytes_behind(id, head)

    async def _append_slice(self, arriving: Arriving, at: int, data: bytes) -> None:
        async def whole() -> AsyncIterator[bytes]:
            yield data

        async with self._known.turn(arriving.part.id, takes_over=True):
            await self._receive(await self._at(arriving.part.id, at), whole())

    async def _found(self, id: PartId, viewer: Viewer) -> Arriving:
        """The record, also of what is finished."""
        arriving = await self.records.find(id)
        if arriving is None or not may_see(viewer, arriving.part):
            raise UploadNotFound
        if arriving.part.state is PartState.ABORTED and arriving.same_as is None:
            self._known.forget(id)
            raise UploadGone
        return arriving

    async def _seen_by(self, id: PartId, viewer: Viewer) -> None:
        """UploadNotFound, UploadGone, UploadComplete, as far as is known here."""
        known = self._known.get(id)
        arriving = known.arriving if known is not None else await self._found(id, viewer)
        if not may_see(viewer, arriving.part):
            raise UploadNotFound
        if is_over(arriving) or arriving.is_closed:
            raise UploadComplete

    async def _at(self, id: PartId, at: int) -> Known:
        """The recording, of which just so many bytes have been received; OffsetMismatch."""
        known = self._known.get(id)
        if known is None or known.offset != at:
            known = await self._looked_at(id, known)
            if known.offset != at:
                raise OffsetMismatch(known.offset, at)
        return known

    async def _looked_at(self, id: PartId, before: Known | None) -> Known:
        arriving = await self.records.find(id)
        if arriving is None:
            raise UploadNotFound
        if is_over(arriving) or arriving.is_closed:
            await self._refuse_ended(id)
        offset = await self._offset(id)
        if before is not None and before.offset == offset:
            before.arriving = arriving
            before.claim = before.claim if before.claim == arriving.writer else None
            return before
        return self._known.keep(Known(arriving, offset, NEVER if before is None else before.heard_at))

    async def _offset(self, id: PartId) -> int:
        try:
            return await self.pieces.offset(id)
        except AudioMissing:  # its record went meanwhile
            raise UploadGone from None

    async def _refuse_ended(self, id: PartId) -> None:
        self._known.forget(id)
        arriving = await self.records.find(id)
        is_aborted = arriving is None or arriving.part.state is PartState.ABORTED
        raise UploadGone if is_aborted and (arriving is None or arriving.same_as is None) else UploadComplete

    async def _declare(self, known: Known, length: int) -> None:
        if known.arriving.length == length:
            return
        if known.arriving.length is not None or length < known.offset:
            raise LengthInconsistent
        self._refuse_length(length)
        declared = await self.records.declare(known.arriving.part.id, length)
        if declared is None:
            self._known.forget(known.arriving.part.id)
            raise LengthInconsistent
        known.arriving = replace(declared, folded=max(declared.folded, known.arriving.folded))

    def _refuse_length(self, length: int) -> None:
        if length <= 0:
            raise AudioEmpty
        self._limiting.size(length)

    async def _receive(
        self, known: Known, data: AsyncIterator[bytes], told: Callable[[int], None] | None = None
    ) -> None:
        part = known.arriving.part

        async def admit(chunks: int) -> None:
            await self._limiting.more(part.user_id, chunks * CHUNK_BYTES)
            if known.folding is not None and known.offset - known.arriving.folded > MOST_UNFOLDED:
                await asyncio.wait((known.folding,))

        receiving = Receiving(
            records=self.records,
            pieces=self.pieces,
            known=known,
            most_bytes=self._limiting.size,
            admit=admit,
            kept=lambda: self._tending.kept(known),
            told=told,
        )
        try:
            await receiving.run(data)
            self._known.bound(known)
        except Over:
            await self._refuse_ended(part.id)
        except OffsetMismatch as mismatch:
            self._known.forget(part.id)
            raise OffsetMismatch(await self._offset(part.id), mismatch.provided) from None
        except NotAudio:
            await self._stop(part.id)
            raise
        except BaseException:
            # What became of the last run may not be known.
            self._known.forget(part.id)
            raise

    async def _stop(self, id: PartId) -> None:
        self._known.forget(id)
        ended = await self.uploads.stop(id)
        if ended is not None:
            await self.accepting.close(ended)

    def _finish(self, id: PartId) -> asyncio.Task[Part]:
        """One at a time here, which goes on also where who asked for it goes away."""
        if id not in self._finishing:
            finishing = self._finishing[id] = asyncio.create_task(self._completing.run(id, self._seen_of(id)))
            finishing.add_done_callback(lambda _: self._finished(id))
        return self._finishing[id]

    def _seen_of(self, id: PartId) -> SeenOf:
        known = self._known.get(id)
        return (lambda _: None) if known is None else known.seen_of

    def _finished(self, id: PartId) -> None:
        self._known.forget(id)
        finishing = self._finishing.pop(id)
        if not finishing.cancelled():
            finishing.exception()

    async def _held(self, data: AsyncIterator[bytes]) -> bytes:
        held, most = bytearray(), self.limits.most_staged_bytes
        async for piece in data:
            held += piece
            if len(held) > most:
                raise TooLargeToCheck.over(most)
        return bytes(held)

    async def _checked(self, data: AsyncIterator[bytes], checksum: Checksum) -> AsyncIterator[bytes]:
        whole = await self._held(data)
        if not compare_digest(hashlib.new(checksum.algorithm, whole, usedforsecurity=False).digest(), checksum.digest):
            raise ChecksumMismatch
        for start in range(0, len(whole), CHUNK_BYTES):
            yield whole[start : start + CHUNK_BYTES]

    async def close(self) -> None:
        """Let what goes on beside requests come to its end, for a moment."""
        await self._tending.close()
        if self._finishing:
            await asyncio.wait(self._finishing.values(), timeout=CLOSE_SECONDS)


def _refuse_invalid(slice: Slice) -> None:
    times = [time for time in (slice.start, slice.end, slice.duration) if time is not None]
    are_right = all(isfinite(time) and 0 <= time <= MOST_SLICE_SECONDS for time in times)
    if not 0 <= slice.index < MOST_SLICES or not are_right:
        raise SliceInvalid


__all__ = [
    "Arrival", "ArrivalLimits", "Arrivals", "Checksum", "KeptSlice", "Plan", "Slice", "SliceState",
]  # fmt: skip
