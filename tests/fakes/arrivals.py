"""Recordings that arrive in pieces, in memory."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace

from services.errors import AudioMissing, StoreUnavailable
from services.interviews.model import ENDED, Part, PartId, PartState, UserId
from services.recordings.ports.arrivals import (
    NOWHERE,
    PLACED,
    Appended,
    Arriving,
    Head,
    KeptSlice,
    Listened,
    Load,
    Outcome,
    Plan,
    Slice,
    SliceState,
    cut_at_chunks,
)
from services.recordings.ports.audio import CHUNK_BYTES
from tests.fakes.memory import ArrivalRow, Memory, Row

SLACK_SECONDS = 60.0
NOBODY = 2**62


class FakeArrivals:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def begin(self, part: Part, plan: Plan) -> Arriving:
        if part.id in self._memory.rows:
            raise StoreUnavailable
        there = await self.newest(part.user_id, plan.key) if plan.key else None
        if there is not None and there.part.state is PartState.UPLOADING:
            return there
        clock, terms = self._memory.clock, self._memory.terms
        ends = clock.after(terms.arrival_most_seconds)
        expires = min(ends, clock.after(terms.arrival_seconds + SLACK_SECONDS))
        arrival = ArrivalRow(plan, expires_at=expires, ends_at=ends, length=plan.length)
        part = replace(part, created_at=clock.now)
        self._memory.rows[part.id] = Row(part, arrival=arrival)
        return _arriving(self._memory.rows[part.id], arrival)

    async def newest(self, user_id: UserId, key: str) -> Arriving | None:
        def is_it(row: Row) -> bool:
            is_there = row.arrival and (row.part.state is not PartState.ABORTED or row.arrival.same_as)
            return bool(is_there and row.arrival and row.arrival.plan.key == key and row.part.user_id == user_id)

        found = self._memory.having(is_it)
        return await self.find(found[-1].part.id) if found else None

    async def find(self, id: PartId) -> Arriving | None:
        row = self._memory.rows.get(id)
        return _arriving(row, row.arrival) if row and row.arrival else None

    async def place(self, part: Part) -> Arriving | None:
        row = self._memory.arriving(part.id)
        if row is None or row.arrival is None or row.arrival.closed_at:
            return None
        there = row.part.session_id, row.part.question_id
        if there[0] != NOWHERE and there != (part.session_id, part.question_id):
            return None
        placed = {name: getattr(part, name) for name in PLACED}
        row.part = replace(row.part, **placed)
        return _arriving(row, row.arrival)

    async def arriving(self, user_id: UserId) -> list[Arriving]:
        def is_it(row: Row) -> bool:
            return bool(row.arrival and row.part.state is PartState.UPLOADING and row.part.user_id == user_id)

        return [_arriving(row, row.arrival) for row in reversed(self._memory.having(is_it)) if row.arrival]

    async def declare(self, id: PartId, length: int) -> Arriving | None:
        row = self._memory.arriving(id)
        if row is None or row.arrival is None or row.arrival.closed_at or row.arrival.length not in (None, length):
            return None
        row.arrival.length = length
        return _arriving(row, row.arrival)

    async def close(self, id: PartId) -> Arriving | None:
        row = self._memory.arriving(id)
        if row is None or row.arrival is None:
            return None
        row.arrival.closed_at = row.arrival.closed_at or self._memory.clock.now
        return _arriving(row, row.arrival)

    async def end_at(self, id: PartId, length: int) -> Arriving | None:
        row = self._memory.arriving(id)
        if row is None or row.arrival is None or row.arrival.closed_at is None:
            return None
        if row.arrival.length is None:
            row.arrival.length = length
        return _arriving(row, row.arrival)

    async def take_over(self, id: PartId) -> int | None:
        row = self._memory.arriving(id)
        if row is None or row.arrival is None or row.arrival.closed_at:
            return None
        row.arrival.writer += 1
        return row.arrival.writer

    async def claim(self, id: PartId) -> Arriving | None:
        row = self._memory.arriving(id)
        if await self.take_over(id) is None or row is None or row.arrival is None:
            return None
        row.arrival.claimed = True
        return _arriving(row, row.arrival)

    async def fold(self, id: PartId, folded: int) -> bool:
        row = self._memory.arriving(id)
        if row is None or row.arrival is None or row.arrival.folded >= folded:
            return False
        row.arrival.folded = folded
        return True

    async def became(self, id: PartId, other: PartId) -> None:
        row = self._memory.rows.get(id)
        if row is not None and row.arrival is not None:
            row.arrival.same_as = other

    async def heard(self, ids: Collection[PartId]) -> None:
        for id in ids:
            row = self._memory.arriving(id)
            if row is not None and row.arrival is not None:
                until = self._memory.clock.after(self._memory.terms.arrival_seconds + SLACK_SECONDS)
                row.arrival.last_at = self._memory.clock.now
                row.arrival.expires_at = min(row.arrival.ends_at, until)

    async def listened(self, ids: Collection[PartId]) -> dict[PartId, Listened]:
        found = {id: self._memory.arriving(id) for id in ids}
        return {
            id: row.arrival.listened
            for id, row in found.items()
            if row and row.arrival and row.arrival.closed_at is None and row.part.session_id != NOWHERE
        }

    async def load(self, user_id: UserId) -> Load:
        own = [row for row in self._arrivals() if row.part.user_id == user_id]
        return Load(len(own), _bytes(own) + self._memory.waiting_bytes(own))

    async def arriving_bytes(self) -> int:
        arrivals = self._arrivals()
        return _bytes(arrivals) + self._memory.waiting_bytes(arrivals)

    async def may_be_read(self, arriving: Arriving) -> bool:
        return True

    def _arrivals(self) -> list[Row]:
        return self._memory.having(lambda row: row.arrival is not None and row.part.state is PartState.UPLOADING)


def _bytes(rows: list[Row]) -> int:
    return sum(row.arrival.folded + CHUNK_BYTES for row in rows if row.arrival is not None)


def _arriving(row: Row, arrival: ArrivalRow) -> Arriving:
    return Arriving(
        part=row.part,
        plan=replace(arrival.plan, length=arrival.length),
        expires_at=arrival.expires_at,
        length=arrival.length,
        folded=arrival.folded,
        writer=arrival.writer,
        is_claimed=arrival.claimed,
        is_closed=arrival.closed_at is not None,
        same_as=arrival.same_as,
        listened=arrival.listened,
    )


class FakePieces:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def append(self, arriving: Arriving, at: int, data: bytes, writer: int | None = None) -> Appended:
        id, size = arriving.part.id, 0
        pieces = self._memory.pieces.setdefault(id, {})
        for offset, piece in cut_at_chunks(at, data):
            if offset in pieces:
                break
            pieces[offset] = piece
            size += len(piece)
            self._memory.writers.setdefault(id, {})[offset] = writer if writer is not None else NOBODY
        outcome = self._outcome(id, at, writer)
        if self._memory.arriving(id) is None or outcome is Outcome.LOST or self._is_anothers(id, writer):
            folded = self._folded(id) if self._memory.arriving(id) else at + size
            for offset in [offset for offset in pieces if at <= offset < min(folded, at + size)]:
                del pieces[offset]
            return Appended(0, outcome)
        if size < len(data) and outcome is not Outcome.OVER:
            outcome = Outcome.LOST
        row = self._memory.arriving(id)
        return Appended(size, outcome, row.arrival.length if row and row.arrival else None)

    async def write_ahead(self, arriving: Arriving, n: int, chunks: Sequence[memoryview], writer: int) -> bool:
        there = self._memory.chunks.setdefault(arriving.part.id, [])
        written = self._memory.ahead.setdefault(arriving.part.id, {})
        for number, chunk in enumerate(chunks, n):
            if number < len(there) or number in written:
                return False
            written[number] = writer, bytes(chunk)
        return True

    async def count(self, arriving: Arriving, until: int, writer: int) -> Appended:
        id, folded = arriving.part.id, arriving.folded
        row, outcome = self._memory.arriving(id), self._outcome(id, folded, writer)
        length = row.arrival.length if row and row.arrival else None
        if outcome is not Outcome.KEPT or row is None or row.arrival is None or row.arrival.folded != folded:
            there = self._memory.rows.get(id)
            now = there.arrival.folded if there and there.arrival else 0
            return Appended(0, Outcome.LOST if outcome is Outcome.KEPT else outcome, length, now)
        written = self._memory.ahead.get(id, {})
        for n in range(folded // CHUNK_BYTES, until // CHUNK_BYTES):
            self._memory.chunks[id].append(written.pop(n)[1])
        row.arrival.folded = until
        return Appended(until - folded, Outcome.KEPT, length, folded=until)

    async def clear(self, id: PartId, at: int, before: int) -> None:
        written, pieces = self._memory.ahead.get(id, {}), self._memory.pieces.get(id, {})
        for n in [n for n, (writer, _) in written.items() if n >= at // CHUNK_BYTES and writer < before]:
            del written[n]
        by = self._memory.writers.get(id, {})
        seen = at + len(self._behind(id, at, NOBODY))
        for offset in [offset for offset in pieces if offset > seen and by.get(offset, before) < before]:
            del pieces[offset]

    def _is_anothers(self, id: PartId, writer: int | None) -> bool:
        row = self._memory.arriving(id)
        return bool(row and row.arrival and row.arrival.claimed and row.arrival.writer != writer)

    def _outcome(self, id: PartId, at: int, writer: int | None) -> Outcome:
        row = self._memory.arriving(id)
        if row is None or row.arrival is None or row.arrival.closed_at is not None:
            return Outcome.OVER
        if row.arrival.folded > at or (writer is None and row.arrival.claimed):
            return Outcome.LOST
        return Outcome.KEPT if writer in (None, row.arrival.writer) else Outcome.TAKEN_OVER

    async def offset(self, id: PartId) -> int:
        end, pieces = self._folded(id), self._memory.pieces.get(id, {})
        while end in pieces:
            end += len(pieces[end])
        return end

    async def read(self, arriving: Arriving, start: int = 0) -> AsyncIterator[bytes]:
        id = arriving.part.id
        folded, end = self._folded(id), await self.offset(id)
        whole = b"".join(self._memory.chunks.get(id, []))[:folded] + self._behind(id, folded, end)
        if len(whole) < folded:
            raise AudioMissing
        if whole[start:]:
            yield whole[start:]

    async def write_chunk(self, arriving: Arriving, n: int, size: int) -> bool:
        id, start = arriving.part.id, n * CHUNK_BYTES
        plain, row = self._behind(id, start, start + CHUNK_BYTES), self._memory.rows.get(id)
        if len(plain) < size or row is None or (row.part.state in ENDED and not row.part.keep_audio):
            return False
        chunks = self._memory.chunks.setdefault(id, [])
        assert len(chunks) >= n
        chunks[n:] = [plain[:size], *chunks[n + 1 :]]
        self._memory.ahead.get(id, {}).pop(n, None)
        return True

    async def let_go(self, id: PartId, below: int) -> None:
        pieces = self._memory.pieces.get(id, {})
        for offset in [offset for offset in pieces if offset < below]:
            del pieces[offset]

    async def write_file(self, arriving: Arriving, size: int, metadata: Mapping[str, object]) -> None:
        self._memory.files[arriving.part.id] = {**metadata, "upload_date": self._memory.clock.now}

    def _behind(self, id: PartId, start: int, end: int) -> bytes:
        pieces, plain = self._memory.pieces.get(id, {}), bytearray()
        while start < end and start in pieces:
            plain += pieces[start]
            start += len(pieces[start])
        return bytes(plain)

    def _folded(self, id: PartId) -> int:
        row = self._memory.rows.get(id)
        if row is None or row.arrival is None:
            raise AudioMissing
        return row.arrival.folded


class FakeSlices:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def announce(self, id: PartId, slice: Slice, size: int, sha256: str) -> KeptSlice:
        slices = self._memory.slices.setdefault(id, {})
        kept = KeptSlice(
            index=slice.index,
            size=size,
            sha256=sha256,
            state=SliceState.ANNOUNCED,
            start=slice.start,
            end=slice.end,
            duration=slice.duration,
            at=self._memory.clock.now,
        )
        return slices.setdefault(slice.index, kept)

    async def keep(self, arriving: Arriving, index: int, data: bytes) -> None:
        slices = self._memory.slices[arriving.part.id]
        if slices[index].state is SliceState.ANNOUNCED:
            self._memory.waiting.setdefault(arriving.part.id, {})[index] = data
            slices[index] = replace(slices[index], state=SliceState.WAITING)

    async def of(self, id: PartId) -> list[KeptSlice]:
        return [kept for _, kept in sorted(self._memory.slices.get(id, {}).items())]

    async def one(self, id: PartId, index: int) -> KeptSlice | None:
        return self._memory.slices.get(id, {}).get(index)

    async def head(self, id: PartId) -> Head:
        received = [kept for kept in await self.of(id) if kept.state is SliceState.RECEIVED]
        return Head(len(received), sum(kept.size for kept in received))

    async def bytes_behind(self, id: PartId, head: Head) -> int:
        return sum(kept.size for kept in await self.of(id) if kept.index >= head.count)

    async def data(self, arriving: Arriving, index: int) -> bytes | None:
        return self._memory.waiting.get(arriving.part.id, {}).get(index)

    async def received(self, id: PartId, index: int, end: int) -> None:
        slices = self._memory.slices[id]
        slices[index] = replace(slices[index], state=SliceState.RECEIVED)
        self._memory.waiting.get(id, {}).pop(index, None)


class FakeRoom:
    def __init__(self) -> None:
        self.free: int | None = None

    async def free_bytes(self) -> int | None:
        return self.free
