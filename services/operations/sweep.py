"""The sweep: drives on what was interrupted. Safe to run twice at once.

It goes by state, never by age alone: a time limit only says when a silent
worker or upload has lost its claim, or how long kept audio is kept.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, fields

import structlog

from services.calls.ending import Ending
from services.errors import (
    AudioEmpty,
    ChecksumMismatch,
    KeyringUnavailable,
    NotAudio,
    SessionErased,
    StoreUnavailable,
    TakeSuperseded,
    UploadGone,
    WorkerLost,
)
from services.interviews.model import Failure, Part, PartId, answer_of
from services.interviews.ports import Sessions
from services.operations.epochs import Epochs
from services.operations.erasure import Erasing
from services.operations.ports.trends import Trends
from services.operations.ports.upkeep import Upkeep
from services.operations.retention import Retention
from services.recordings.ports.audio import Audio
from services.recordings.ports.counters import Counters
from services.recordings.ports.records import Uploads
from services.recordings.ports.utterances import Utterances
from services.recordings.ports.workers import Doorbell

log = structlog.get_logger(__name__)

RINGS_AT_ONCE = 200
PUT_OFF_SECONDS = 300.0


@dataclass(slots=True)
class Counts:
    """What a sweep did, or would do."""

    rung: int = field(default=0, metadata={"what": "waiting answers rung for again"})
    listened: int = field(default=0, metadata={"what": "arriving recordings rung for that nobody listens to"})
    reclaimed: int = field(default=0, metadata={"what": "answers taken back from workers that fell silent"})
    failed: int = field(default=0, metadata={"what": "answers failed after their last delivery"})
    abandoned: int = field(default=0, metadata={"what": "abandoned uploads removed"})
    finished: int = field(default=0, metadata={"what": "recordings in pieces whose finish was interrupted"})
    calls: int = field(default=0, metadata={"what": "calls that nobody took in any more ended"})
    closed: int = field(default=0, metadata={"what": "ended answers whose clean-up was interrupted"})
    scored: int = field(default=0, metadata={"what": "transcripts sent to be scored again"})
    expired: int = field(default=0, metadata={"what": "kept recordings of failed answers deleted"})
    erased: int = field(default=0, metadata={"what": "erasures of sessions or users brought to their end"})
    retained: int = field(default=0, metadata={"what": "records removed because a rule of retention says so"})
    stray_files: int = field(default=0, metadata={"what": "audio files without a record deleted"})
    stray_chunks: int = field(default=0, metadata={"what": "sets of audio chunks without a file deleted"})
    keys_destroyed: int = field(default=0, metadata={"what": "keys of epochs destroyed whose recordings have ended"})
    keys_lost: int = field(default=0, metadata={"what": "keys of epochs found to be lost"})
    undone: int = field(default=0, metadata={"what": "things that met an error, and are tried again later"})

    def missed(self) -> None:
        """Something met an error that nobody foresaw, which the log has."""
        self.undone += 1

    def as_dict(self) -> dict[str, int]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


def merged(first: Counts, second: Counts) -> Counts:
    return Counts(**{name: count + second.as_dict()[name] for name, count in first.as_dict().items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    sessions: Sessions
    uploads: Uploads
    upkeep: Upkeep
    audio: Audio
    utterances: Utterances
    doorbell: Doorbell
    close: Callable[[Part], Awaitable[None]]
    counters: Counters
    trends: Trends
    erasing: Erasing
    retention: Retention
    receipt: Callable[[], Awaitable[int]]
    finish: Callable[[PartId], Awaitable[object]]
    epochs: Epochs | None = None
    calls: Ending | None = None

    async def run(self, hours: float) -> Counts:
        """One pass over the records; `hours` is how long failed answers keep their audio."""
        counts = Counts()
        counts.erased = await self.erasing.drive_due(counts.missed)
        counts.retained = await self.retention.run()
        await self.receipt()
        counts.calls = 0 if self.calls is None else await self.calls.drive(counts.missed)
        if await self.upkeep.is_needed(hours):
            await self._mend(counts, hours)
        counts.rung = await self._ring()
        await self.trends.note()
        await self.counters.swept("sweep", counts.as_dict())
        return counts

    async def _mend(self, counts: Counts, hours: float) -> None:
        """Look for each thing by itself; as a rule there is none of any."""
        lost = Failure(WorkerLost.code, WorkerLost.sentence)
        counts.failed = await self._close_all(counts, "failed", await self.upkeep.bury(lost))
        counts.abandoned = await self._close_all(counts, "abandoned", await self.upkeep.abandon())
        counts.finished = await self._finish(counts)
        counts.expired = await self._close_all(counts, "expired", await self.upkeep.expire(hours))
        counts.closed = await self._close_all(counts, "closed", await self.upkeep.unsettled())
        counts.reclaimed = await self._reclaim()
        counts.scored = await self._score()
        counts.listened = await self._ring_for_listeners()

    async def audit(self) -> Counts:
        """One pass over the stored audio: what no record needs goes, then words, hashes and keys without one."""
        counts = Counts()
        async for ids in self.audio.orphaned_files():
            counts.stray_files += await self._remove(counts, await self._strays(ids))
        async for ids in self.audio.orphaned_chunks():
            counts.stray_chunks += await self._remove(counts, await self._strays(ids))
        for id in await self.utterances.strays():
            await self.utterances.forget(id)
        await self.upkeep.forget_sums()
        if self.epochs is not None:
            tended = await self.epochs.tend()
            counts.keys_destroyed, counts.keys_lost = tended.destroyed, tended.lost
        await self.counters.swept("audit", counts.as_dict())
        return counts

    async def survey(self, hours: float) -> Counts:
        """What `run` and `audit` would find now; changes nothing."""
        found = await self.upkeep.survey(hours)
        waiting = await self.doorbell.waiting()
        return Counts(
            rung=0 if waiting is None else max(0, found.due - waiting),
            listened=found.unheard,
            reclaimed=found.silent,
            failed=found.exhausted,
            abandoned=found.abandoned,
            finished=found.unfinished,
            calls=0 if self.calls is None else await self.calls.count_due(),
            closed=found.unsettled,
            scored=found.unscored,
            expired=found.expired,
            erased=await self.erasing.count_due(),
            retained=await self.retention.due(),
            stray_files=sum([len(await self._strays(ids)) async for ids in self.audio.orphaned_files()]),
            stray_chunks=sum([len(await self._strays(ids)) async for ids in self.audio.orphaned_chunks()]),
            keys_destroyed=0 if self.epochs is None else await self.epochs.count_due(),
        )

    async def _close_all(self, counts: Counts, what: str, parts: list[Part]) -> int:
        closed = 0
        for part in parts:
            _tell(what, part)
            if await self._succeeds(counts, self.close(part), part.id):
                closed += 1
            else:
                await self.upkeep.put_off(part.id, PUT_OFF_SECONDS)
        return closed

    async def _remove(self, counts: Counts, ids: list[PartId]) -> int:
        """Delete what no record needs; where there is none yet, none will be, and who was first is no stray."""
        for id in ids:
            await self.uploads.abort(id)
        strays = await self._strays(ids) if ids else []
        return len([id for id in strays if await self._succeeds(counts, self.audio.delete(id), id)])

    async def _succeeds(self, counts: Counts, work: Awaitable[object], id: PartId) -> bool:
        """One recording of which nothing can be done does not hold the others up; keys that are away are told once."""
        try:
            await work
        except KeyringUnavailable:
            return False
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("not cleaned up", part=id)
            counts.missed()
            return False
        return True

    async def _finish(self, counts: Counts) -> int:
        ids = await self.upkeep.unfinished()
        return sum([await self._succeeds(counts, self._finished(id), id) for id in ids])

    async def _finished(self, id: PartId) -> None:
        """One that nothing can be made of has come to its end too."""
        with suppress(TakeSuperseded, NotAudio, AudioEmpty, ChecksumMismatch, SessionErased, UploadGone):
            await self.finish(id)

    async def _reclaim(self) -> int:
        parts = await self.upkeep.reclaim()
        for part in parts:
            _tell("reclaimed", part)
            await self.sessions.show(part.session_id, answer_of(part))
            await self.doorbell.transcribe(part.id)
        return len(parts)

    async def _score(self) -> int:
        ids = await self.upkeep.unscored()
        for id in ids:
            await self.doorbell.score(id)
        return len(ids)

    async def _ring(self) -> int:
        """Ring for as many as have no ring waiting, so that rings do not pile up.

        While many rings wait, the workers have enough to do until the next
        sweep. Nothing is counted then, however long the queue is, and one ring
        a sweep goes to who has gone longest without: it may be the one that was lost.
        That one is heard first, so that whoever speaks now keeps nobody waiting for ever.
        """
        waiting = await self.doorbell.waiting()
        if waiting is None:
            return 0
        is_short = waiting < RINGS_AT_ONCE
        missing = await self.upkeep.count_due(waiting + RINGS_AT_ONCE) - waiting if is_short else 1
        if missing <= 0:
            return 0
        ids = await self.upkeep.due(min(missing, RINGS_AT_ONCE))
        for number, id in enumerate(ids):
            await self.doorbell.transcribe(id, first=not number)
        return len(ids)

    async def _ring_for_listeners(self) -> int:
        """For what still arrives and should have been listened to; a ring that is not heard comes again later."""
        ids = await self.upkeep.unheard(RINGS_AT_ONCE)
        for id in ids:
            await self.doorbell.transcribe(id, first=True)
        return len(ids)

    async def _strays(self, ids: list[PartId]) -> list[PartId]:
        owned = await self.upkeep.owned(ids)
        return [id for id in ids if id not in owned]


def _tell(what: str, part: Part) -> None:
    """Of which recording it is, by the name under which it is counted."""
    on = {"session": part.session_id, "question": part.question_id, "deliveries": part.deliveries}
    log.info("swept", what=what, part=part.id, **on)
