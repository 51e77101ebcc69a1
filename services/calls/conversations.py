"""A call as a conversation: of two recordings, or of one with two channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.calls.calls import Calls
from services.calls.model import NOTHING, CallHeard, CallState, Heard, warnings_of
from services.calls.turns import Turn, turns
from services.errors import CallGone, CallNotFound
from services.interviews.model import ENDED, CallId, CallSide, PartId, PartState, QuestionId, SessionId, Viewer
from services.interviews.ports import Sessions
from services.recordings.ports.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What is known of it so far; `is_over` once no more will be. A side that was never meant to come is missing."""

    id: CallId
    session_id: SessionId
    question_id: QuestionId
    take: int
    is_over: bool
    sides: Mapping[CallSide, Heard] = field(default_factory=dict)

    @property
    def turns(self) -> list[Turn]:
        return turns(*(self.sides.get(side, Heard()).transcript for side in CallSide))

    @property
    def warnings(self) -> list[str]:
        """None while it is not over."""
        return warnings_of(self.sides) if self.is_over else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    calls: Calls
    parts: Records
    sessions: Sessions

    async def get(self, id: CallId, viewer: Viewer) -> Conversation:
        """CallNotFound, CallGone; SessionErased."""
        try:
            found = _of_two(await self.calls.heard(id, viewer))
        except CallNotFound:
            found = await self._of_one(PartId(id), viewer)
        await self.sessions.get(found.session_id, viewer)
        return found

    async def _of_one(self, id: PartId, viewer: Viewer) -> Conversation:
        """Of a recording that has both sides, whose id is the call's."""
        part = await self.parts.get(id)
        if part is None or part.channels < len(CallSide) or not (viewer.is_admin or viewer.user_id == part.user_id):
            raise CallNotFound
        if part.state in NOTHING:
            raise CallGone
        left = await self.parts.transcript(id) if part.state is PartState.COMPLETED else None
        said = {CallSide.LEFT: left, CallSide.RIGHT: left and left.right}
        return Conversation(
            id=CallId(id),
            session_id=part.session_id,
            question_id=part.question_id,
            take=part.take,
            is_over=part.state in ENDED,
            sides={side: Heard(part=part, transcript=said[side]) for side in CallSide},
        )


def _of_two(heard: CallHeard) -> Conversation:
    call = heard.call
    return Conversation(
        id=call.id,
        session_id=call.session_id,
        question_id=call.question_id,
        take=call.take,
        is_over=call.state is CallState.ENDED and all(side.is_over for side in heard.sides.values()),
        sides=heard.sides,
    )
