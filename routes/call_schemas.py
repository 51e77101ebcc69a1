"""How calls look to those who begin and watch them."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from routes.body_bounds import Bounded
from services.calls.calls import Wanted
from services.calls.model import Call, CallHeard, CallState, Place, SideHeard, warnings_of
from services.interviews.model import ENDED, ID_PATTERN, CallSide, PartState

SideState = Literal["arriving", "queued", "processing", "completed", "failed", "superseded", "empty"]
STATES: dict[PartState, SideState] = {
    PartState.UPLOADING: "arriving",
    PartState.QUEUED: "queued",
    PartState.PROCESSING: "processing",
    PartState.COMPLETED: "completed",
    PartState.FAILED: "failed",
    PartState.SUPERSEDED: "superseded",
    PartState.ABORTED: "empty",
}


class SideIn(Bounded):
    payload_type: int | None = Field(
        None, ge=0, le=127, examples=[111], description="Of the RTP packets; without one, that of the first Opus."
    )


class CallIn(Bounded):
    """A side that is null does not come; both come unless said."""

    question_id: str = Field(pattern=ID_PATTERN, examples=["q1"])
    left: SideIn | None = Field(default_factory=SideIn, description="The candidate: what is said here is the answer.")
    right: SideIn | None = Field(default_factory=SideIn, description="Who asks, a person or an AI.")
    rtp: bool = Field(True, description="Also give ports for RTP over UDP, where a process takes that in.")

    def sides(self) -> dict[CallSide, Wanted]:
        wanted = {CallSide.LEFT: self.left, CallSide.RIGHT: self.right}
        return {side: Wanted(payload_type=one.payload_type) for side, one in wanted.items() if one is not None}


class AddressOut(BaseModel):
    host: str = Field(examples=["203.0.113.7"])
    port: int = Field(examples=[40_000], description="RTCP comes to the same port, or to the next one.")


class RtpOut(BaseModel):
    """Where RTP over UDP is taken in: the first who sends to a side's port is heard, and nobody else."""

    left: AddressOut | None
    right: AddressOut | None

    @classmethod
    def of(cls, call: Call, place: Place) -> Self:
        given = {
            side.value: AddressOut(host=place.host, port=place.port(side)) if side in call.lines else None
            for side in CallSide
        }
        return cls(**given)


class BegunCallOut(BaseModel):
    call_id: str
    session_id: str
    question_id: str
    take: int = Field(examples=[1])
    websocket: str = Field(description="Where packets may be brought by a WebSocket.", examples=["/ws/calls/65f0c1"])
    rtp: RtpOut | None = Field(description="Null where no process takes in RTP over UDP, or all its ports are taken.")

    @classmethod
    def of(cls, call: Call, websocket: str) -> Self:
        return cls(
            call_id=call.id,
            session_id=call.session_id,
            question_id=call.question_id,
            take=call.take,
            websocket=websocket,
            rtp=RtpOut.of(call, call.place) if call.place else None,
        )


class CallSideOut(BaseModel):
    """One side: what came of its packets as far as it is kept, and of its recording.

    `empty`: nothing of it came, or it was given up. It is a warning of the call's, no failure.
    """

    state: SideState
    recording_id: str
    packets: int
    recovered: int = Field(
        description="Of these, those that got lost, and were heard of the packets behind them: redundant audio."
    )
    lost: int = Field(description="Came not at all, or too late.")
    late: int = Field(description="Of these, those that came.")
    doubled: int
    skipped: int = Field(
        description="Came, and were left out: to keep the side in step, or as more came than is taken."
    )
    foreign: int = Field(description="Came from somebody else, or of another source.")
    odd: dict[str, int] = Field(
        description="What was no sound of this side, by reason.", examples=[{"comfort_noise": 3}]
    )
    restarts: int = Field(description="How often its sender began anew.")
    seconds: float
    filled_seconds: float = Field(description="Of these, without a packet: lost, or not sent.")
    jitter_seconds: float
    last_sequence: int | None

    @classmethod
    def of(cls, side: SideHeard) -> Self:
        tally = side.line.tally
        return cls(
            state="empty" if side.part is None else STATES[side.part.state],
            recording_id=side.line.part_id,
            packets=tally.packets,
            recovered=tally.recovered,
            lost=tally.lost,
            late=tally.late,
            doubled=tally.doubled,
            skipped=tally.skipped,
            foreign=tally.foreign,
            odd=dict(tally.odd),
            restarts=tally.restarts,
            seconds=tally.seconds,
            filled_seconds=tally.filled,
            jitter_seconds=tally.jitter,
            last_sequence=tally.last_sequence,
        )


class CallOut(BaseModel):
    """A call. `open`: it takes packets; `ending`: its sides are being finished; `transcribing`; `completed`.

    Its warnings, once it has ended: `side_missing`, `side_empty`, `side_failed`.
    """

    call_id: str
    session_id: str
    question_id: str
    take: int
    state: Literal["open", "ending", "transcribing", "completed"]
    created_at: datetime | None
    begun_at: datetime | None = Field(description="When its clock began to run: the zero of both sides' times.")
    ended_at: datetime | None
    left: CallSideOut | None
    right: CallSideOut | None
    warnings: list[str]

    @classmethod
    def of(cls, heard: CallHeard) -> Self:
        call = heard.call
        return cls(
            call_id=call.id,
            session_id=call.session_id,
            question_id=call.question_id,
            take=call.take,
            state=_state(heard),
            created_at=call.created_at,
            begun_at=call.begun_at,
            ended_at=call.ended_at,
            left=CallSideOut.of(heard.left) if heard.left else None,
            right=CallSideOut.of(heard.right) if heard.right else None,
            warnings=warnings_of(heard.sides) if call.state is CallState.ENDED else [],
        )


def _state(heard: CallHeard) -> Literal["open", "ending", "transcribing", "completed"]:
    if heard.call.state is CallState.OPEN:
        return "open"
    if heard.call.state is not CallState.ENDED:
        return "ending"
    parts = (side.part for side in heard.sides.values())
    return "completed" if all(part is None or part.state in ENDED for part in parts) else "transcribing"
