"""A call as a conversation: of two recordings, or of one with two channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.calls.calls import Calls
from services.calls.model import CallHeard, CallState, SideHeard
from services.calls.turns import Turn, turns
from services.errors import CallGone, CallNotFound
from services.interviews.model import ENDED, CallId, CallSide, Part, PartId, PartState, QuestionId, SessionId, Viewer
from services.interviews.ports import Sessions
from services.interviews.transcript import Transcript
from services.recordings.ports.records import Records

MISSING, EMPTY, SILENT, FAILED = "side_missing", "side_empty", "side_silent", "side_failed"
NOTHING = frozenset({PartState.ABORTED, PartState.SUPERSEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One side: its recording's record, None where nothing of it was kept, and its transcript, once there is one."""

    part: Part | None = None
    transcript: Transcript | None = None

    @property
    def is_over(self) -> bool:
        return self.part is None or self.part.state in ENDED

    @property
    def warning(self) -> str | None:
        """What is not as one would expect of a side that is over."""
        if self.part is None or self.part.state in NOTHING:
            return EMPTY
        if self.part.state is PartState.FAILED:
            return FAILED
        return SILENT if self.transcript is not None and self.transcript.no_speech else None


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
        if not self.is_over:
            return []
        found = [self.sides[side].warning if side in self.sides else MISSING for side in CallSide]
        return list(dict.fromkeys(warning for warning in found if warning))


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
    sides = {side: _side(one) for side, one in heard.sides.items()}
    return Conversation(
        id=call.id,
        session_id=call.session_id,
        question_id=call.question_id,
        take=call.take,
        is_over=call.state is CallState.ENDED and all(side.is_over for side in sides.values()),
        sides=sides,
    )


def _side(heard: SideHeard) -> Heard:
    return Heard(part=heard.part, transcript=heard.transcript)
