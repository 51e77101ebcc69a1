"""Recordings that arrive in pieces, in memory: the use case as its callers know it."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from services.errors import (
    AudioEmpty,
    LengthInconsistent,
    NotAudio,
    OffsetMismatch,
    SliceDiffers,
    SlicesMissing,
    TooManyArrivals,
    UploadComplete,
    UploadGone,
    UploadNotFound,
    UploadTakenOver,
)
from services.interviews.model import Part, PartId, PartState, QuestionId, SessionId, Viewer
from services.recordings.arrivals import Arrival, Arrivals, Checksum, KeptSlice, Plan, Slice, SliceState
from services.recordings.formats import estimated_seconds, sniff
from services.recordings.intake import Intake
from tests.fakes.memory import Memory


@dataclass(slots=True)
class Kept:
    part: Part
    plan: Plan
    data: bytearray = field(default_factory=bytearray)
    slices: dict[int, tuple[KeptSlice, bytes]] = field(default_factory=dict)
    is_complete: bool = False
    writer: int = 0


@dataclass(slots=True, kw_only=True)
class FakeArrivals(Arrivals):
    memory: Memory
    intake: Intake
    kept: dict[PartId, Kept] = field(default_factory=dict)

    async def begin(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer, plan: Plan) -> Arrival:
        there = self._newest(plan.key, viewer) if plan.key else None
        if there is not None and not there.is_complete:
            return self._shown(there)
        if sum(not one.is_complete for one in self.kept.values()) >= self.limits.most_of_user:
            raise TooManyArrivals
        numbered = await self.intake.number(session_id, question_id, viewer)
        await self.intake.uploads.begin(numbered.part)
        kept = Kept(numbered.part, plan)
        self.kept[numbered.part.id] = kept
        return self._shown(kept)

    async def newest(self, key: str, viewer: Viewer) -> Arrival | None:
        found = self._newest(key, viewer)
        return self._shown(found) if found else None

    async def find(self, id: PartId, viewer: Viewer) -> Arrival:
        return self._shown(self._own(id, viewer))

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
        kept = self._own(id, viewer)
        if kept.is_complete:
            raise UploadComplete
        kept.writer += 1
        writer = kept.writer
        if at != len(kept.data):
            raise OffsetMismatch(len(kept.data), at)
        async for piece in data:
            if kept.writer != writer:
                raise UploadTakenOver
            if self.memory.rows[id].part.state is PartState.ABORTED:
                raise UploadGone
            kept.data += piece
            if len(kept.data) >= 64 and sniff(bytes(kept.data[:64])) is None:
                raise NotAudio
            if told is not None:
                told(len(kept.data))
        return self._shown(kept)

    async def put(self, id: PartId, viewer: Viewer, slice: Slice, data: AsyncIterator[bytes]) -> Arrival:
        kept = self._own(id, viewer)
        if kept.is_complete:
            raise UploadComplete
        whole = b"".join([piece async for piece in data])
        sum = hashlib.sha256(whole).hexdigest()
        if slice.index in kept.slices and kept.slices[slice.index][0].sha256 != sum:
            raise SliceDiffers
        if slice.index == 0 and sniff(whole[:64]) is None:
            raise NotAudio
        if slice.index not in kept.slices:
            one = KeptSlice(
                index=slice.index,
                size=len(whole),
                sha256=sum,
                state=SliceState.WAITING,
                start=slice.start,
                end=slice.end,
                duration=slice.duration,
            )
            kept.slices[slice.index] = one, whole
        self._move_on(kept)
        return self._shown(kept)

    async def finish(self, id: PartId, viewer: Viewer, *, slices: int = 0) -> Part:
        kept = self._own(id, viewer)
        if kept.is_complete:
            return kept.part
        if missing := self._shown(kept).missing(slices):
            raise SlicesMissing(missing)
        if kept.plan.length is not None and kept.plan.length != len(kept.data):
            raise LengthInconsistent
        if not kept.data:
            raise AudioEmpty
        container = sniff(bytes(kept.data[:64]))
        if container is None:
            raise NotAudio
        stored = await self.intake.audio.store(id, _all(kept.data), {})
        seconds = estimated_seconds(container, stored.size)
        accepted = await self.intake.uploads.accept(id, stored.sha256, stored.size, seconds)
        assert accepted is not None
        await self.intake._announce(accepted)
        kept.part, kept.is_complete = accepted, True
        return accepted

    async def abort(self, id: PartId, viewer: Viewer) -> None:
        if self._own(id, viewer).is_complete:
            raise UploadComplete
        await self.intake.uploads.abort(id)

    def _move_on(self, kept: Kept) -> None:
        for index in range(len(kept.slices)):
            if index not in kept.slices:
                return
            one, data = kept.slices[index]
            if one.state is SliceState.WAITING:
                kept.data += data
                kept.slices[index] = replace(one, state=SliceState.RECEIVED), data

    def _own(self, id: PartId, viewer: Viewer) -> Kept:
        kept = self.kept.get(id)
        if kept is None or kept.part.user_id != viewer.user_id:
            raise UploadNotFound
        if self.memory.rows[id].part.state is PartState.ABORTED:
            raise UploadGone
        return kept

    def _newest(self, key: str | None, viewer: Viewer) -> Kept | None:
        own = (one for one in self.kept.values() if one.plan.key == key and one.part.user_id == viewer.user_id)
        there = [one for one in own if self.memory.rows[one.part.id].part.state is not PartState.ABORTED]
        return there[-1] if there else None

    def _shown(self, kept: Kept) -> Arrival:
        return Arrival(
            part=kept.part,
            offset=len(kept.data),
            length=kept.plan.length,
            is_complete=kept.is_complete,
            expires_at=self.memory.clock.after(3600),
            door=kept.plan.door,
            raw_metadata=kept.plan.raw_metadata,
            media_type=kept.plan.media_type,
            slices=tuple(one for _, (one, _) in sorted(kept.slices.items())),
        )


async def _all(data: bytearray) -> AsyncIterator[bytes]:
    yield bytes(data)
