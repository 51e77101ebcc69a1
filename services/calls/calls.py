"""Calls: begun, looked at, ended, given up. Taking one in is bridging's.

The record of a call is there before those of its two recordings, and whatever dies, the sweep ends what nobody
goes on with: each side that has something is finished like any upload, and one that has nothing is given up.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.calls.ending import Ending
from services.calls.model import Call, CallHeard, CallState, Line, SideHeard
from services.calls.ports import CallRecords, RtpReceivers
from services.errors import CallGone, CallNotFound, CallOver, CallsOff, Problem, StoreUnavailable
from services.interviews.model import (
    CallId,
    CallSide,
    PartState,
    QuestionId,
    SessionId,
    Viewer,
    aside_of,
    new_part_id,
)
from services.interviews.ports import Sessions
from services.recordings.arrivals import Arrivals, Plan
from services.recordings.numbering import Numbered, next_take
from services.recordings.ports.records import Records

DOOR = "call"
MEDIA_TYPE = "audio/ogg"
TRIES = 3


def new_call_id() -> CallId:
    return CallId(secrets.token_hex(12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A side that is to come; its packets are of this type, or of that of the first that may be."""

    payload_type: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    sessions: Sessions
    arrivals: Arrivals
    records: CallRecords
    parts: Records
    receivers: RtpReceivers
    ending: Ending
    is_on: bool = True

    async def begin(
        self,
        session_id: SessionId,
        question_id: QuestionId,
        viewer: Viewer,
        sides: Mapping[CallSide, Wanted],
        *,
        wants_rtp: bool = False,
    ) -> Call:
        """Number the next take, and keep the records of a call with these sides before anything of it comes.

        CallsOff, SessionNotFound, QuestionNotFound, and what beginning a recording in pieces raises.
        """
        if not self.is_on:
            raise CallsOff
        numbered = await next_take(self.sessions, session_id, question_id, viewer, channels=1)
        part = numbered.part
        lines = {side: Line(part_id=new_part_id(), payload_type=wanted.payload_type) for side, wanted in sides.items()}
        call = Call(
            id=new_call_id(),
            session_id=session_id,
            question_id=question_id,
            user_id=part.user_id,
            take=part.take,
            lines=lines,
        )
        kept = await self._kept(call, wants_rtp)
        try:
            for side in lines:
                await self._begin_side(kept, side, numbered)
        except Problem:
            await self.records.abort(kept.id)
            await self.ending.give_up(kept)
            raise
        return kept

    async def _kept(self, call: Call, wants_rtp: bool) -> Call:
        """With ports for RTP, where that is wanted and there are some that are free."""
        for receiver in await self.receivers.alive() if wants_rtp else []:
            for left in await self.receivers.free(receiver, TRIES):
                kept = await self.records.begin(replace(call, place=receiver.place(left)))
                if kept is not None:
                    return kept
        kept = await self.records.begin(call)
        if kept is None:
            raise StoreUnavailable
        return kept

    async def get(self, id: CallId, viewer: Viewer) -> Call:
        """CallNotFound where it is absent or another user's, CallGone where it was given up."""
        call = await self.records.get(id)
        if call is None or not (viewer.is_admin or viewer.user_id == call.user_id):
            raise CallNotFound
        if call.state is CallState.ABORTED:
            raise CallGone
        return call

    async def look(self, id: CallId, viewer: Viewer) -> CallHeard:
        """The call with the records of its sides; no transcripts."""
        return await self._heard(await self.get(id, viewer), with_transcripts=False)

    async def heard(self, id: CallId, viewer: Viewer) -> CallHeard:
        """The call with the records of its sides, and the transcripts of those that are transcribed."""
        return await self._heard(await self.get(id, viewer), with_transcripts=True)

    async def end(self, id: CallId, viewer: Viewer) -> CallHeard:
        """It takes nothing more: who takes it in finishes its sides, or, where nobody does, the sweep.

        The same each time that it is asked.
        """
        await self.get(id, viewer)
        await self.records.end(id)
        return await self.look(id, viewer)

    async def abort(self, id: CallId, viewer: Viewer) -> None:
        """Give it up, with all that was received; CallOver where it has ended, or a side of it has."""
        await self.get(id, viewer)
        aborted = await self.records.abort(id)
        if aborted is None:
            await self.get(id, viewer)
            raise CallOver
        await self.ending.give_up(aborted)

    async def session_of(self, id: CallId) -> SessionId | None:
        """Which session's it is, before it is known who asks."""
        call = await self.records.get(id)
        return None if call is None else call.session_id

    async def _begin_side(self, call: Call, side: CallSide, numbered: Numbered) -> None:
        part = replace(numbered.part, id=call.lines[side].part_id, call_id=call.id, side=side)
        if part.is_aside:
            part = replace(part, question_id=aside_of(part.question_id))
        plan = Plan(DOOR, media_type=MEDIA_TYPE)
        await self.arrivals.begin_numbered(replace(numbered, part=part), Viewer(call.user_id), plan)

    async def _heard(self, call: Call, *, with_transcripts: bool) -> CallHeard:
        sides = {side: await self._side(side, line, with_transcripts) for side, line in call.lines.items()}
        return CallHeard(call=call, sides=sides)

    async def _side(self, side: CallSide, line: Line, with_transcript: bool) -> SideHeard:
        part = await self.parts.get(line.part_id)
        is_read = with_transcript and part is not None and part.state is PartState.COMPLETED
        transcript = await self.parts.transcript(line.part_id) if is_read else None
        return SideHeard(line=line, part=part, transcript=transcript)
