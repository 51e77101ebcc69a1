"""Ending calls: each side that has something is finished like any upload, and one that has nothing is given up.

Whoever takes a call in ends it; where nobody does, the sweep. Each step may be repeated.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import structlog

from services.calls.model import Call, CallState, Tally
from services.calls.packets.counts import Counts
from services.calls.packets.ogg import MOST_PAGE_BYTES, whole_pages
from services.calls.packets.side import Side
from services.calls.ports import CallRecords
from services.errors import (
    AudioEmpty,
    CallGone,
    ChecksumMismatch,
    KeyringUnavailable,
    NotAudio,
    SessionErased,
    StoreUnavailable,
    TakeSuperseded,
    UploadComplete,
    UploadGone,
    UploadNotFound,
)
from services.interviews.model import CallId, CallSide, Viewer
from services.recordings.arrivals import Arrivals

log = structlog.get_logger(__name__)

GRACE_SECONDS = 5.0
# What says of a recording that nothing more can be done with it.
HAS_ENDED = (
    UploadComplete,
    UploadGone,
    UploadNotFound,
    AudioEmpty,
    NotAudio,
    ChecksumMismatch,
    TakeSuperseded,
    SessionErased,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A call of which nothing came for `silent_seconds` has ended."""

    arrivals: Arrivals
    records: CallRecords
    silent_seconds: float = 60.0

    async def finish_side(self, call: Call, side: CallSide) -> Call:
        """A side whose stream is whole is a recording like any other; the call as it then is."""
        id, owner = call.lines[side].part_id, Viewer(call.user_id)
        try:
            arrival = await self.arrivals.find(id, owner)
            if arrival.is_complete or arrival.offset:
                await self.arrivals.finish(id, owner)
            else:
                await self.arrivals.abort(id, owner)
                log.warning("a side of a call is empty", call=call.id, side=side.value)
        except HAS_ENDED as problem:
            log.info("a side of a call has ended already", call=call.id, side=side.value, code=problem.code)
        return await self.records.side_over(call.id, side) or await self._as_it_is(call)

    async def conclude(self, call: Call) -> Call:
        """Finish what is left of its sides, so that it has ended: for a call that nobody takes in any more."""
        for side, line in call.lines.items():
            if not line.is_over:
                await self._end_stream(call, side)
                call = await self.finish_side(call, side)
        ended = await self.records.ended(call.id)
        if ended is None:
            return await self._as_it_is(call)
        _tell(ended)
        return ended

    async def give_up(self, call: Call) -> None:
        """Nothing is to be left of one that was aborted."""
        for line in call.lines.values():
            try:
                await self.arrivals.abort(line.part_id, Viewer(call.user_id))
            except HAS_ENDED as problem:  # or it was never begun
                log.info("a side is not given up", part=line.part_id, code=problem.code)
        await self.records.given_up(call.id)

    async def drive(self, missed: Callable[[], None] = lambda: None) -> int:
        """End what is silent, and go on with what somebody began to end; how many have ended, for the sweep.

        `missed` is told of each that met an error.
        """
        await self.records.suspect(self.silent_seconds)
        for id in await self.records.silent(GRACE_SECONDS):
            if await self.records.end(id) is not None:
                log.info("a silent call is ended", call=id)
        return sum([await self._driven(id, missed) for id in await self._left()])

    async def count_due(self) -> int:
        """How many the next sweep ends, or goes on to end."""
        return len(await self.records.silent(GRACE_SECONDS)) + len(await self._left())

    async def _left(self) -> list[CallId]:
        """What somebody began to end or to give up, and did not."""
        ending = await self.records.left_ending(GRACE_SECONDS)
        return [*ending, *await self.records.left_aborted(GRACE_SECONDS)]

    async def _driven(self, id: CallId, missed: Callable[[], None]) -> bool:
        """One of which nothing can be done does not hold the others up."""
        try:
            call = await self.records.get(id)
            if call is not None and call.state is CallState.ABORTED:
                await self.give_up(call)
                return True
            return call is not None and (await self.conclude(call)).state is CallState.ENDED
        except KeyringUnavailable:
            return False
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a call is not ended", call=id)
            missed()
            return False

    async def _end_stream(self, call: Call, side: CallSide) -> None:
        """Its stream has its end, where something of it is there, and all that is kept of it is counted."""
        line, owner = call.lines[side], Viewer(call.user_id)
        try:
            arrival = await self.arrivals.find(line.part_id, owner)
            if arrival.is_complete or not arrival.offset:
                return
            tail = whole_pages(await self.arrivals.tail(line.part_id, owner, 2 * MOST_PAGE_BYTES))
            stream = Side.resumed(tail, counted=line.tally.seconds, last_sequence=line.tally.last_sequence)
            if stream.counts.packets:
                await self.records.note(call.id, {side: _with(line.tally, stream.counts)}, is_heard=False)
            end = stream.close(0.0)
            if end:
                await self.arrivals.append(line.part_id, owner, arrival.offset, _whole(end), takes_over=True)
        except HAS_ENDED as problem:
            log.info("a stream has ended already", part=line.part_id, code=problem.code)

    async def _as_it_is(self, call: Call) -> Call:
        now = await self.records.get(call.id)
        if now is None or now.state is CallState.ABORTED:
            raise CallGone
        return now


def _with(tally: Tally, kept: Counts) -> Tally:
    packets, filled = tally.packets + kept.packets, round(tally.filled + kept.filled, 3)
    return replace(tally, packets=packets, filled=filled, seconds=round(kept.settled_seconds, 3))


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _tell(call: Call) -> None:
    tallies = {side.value: line.tally for side, line in call.lines.items()}
    log.info(
        "call ended",
        call=call.id,
        session=call.session_id,
        packets={side: tally.packets for side, tally in tallies.items()},
        duration=max((tally.seconds for tally in tallies.values()), default=0.0),
    )
