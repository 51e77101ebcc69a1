"""A call: one take of an answer with two sides, each of which is a recording that arrives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.interviews.model import ENDED, CallId, CallSide, Part, PartId, PartState, QuestionId, SessionId, UserId
from services.interviews.transcript import Transcript

PORTS_OF_CALL = 4
MISSING, EMPTY, SILENT, FAILED = "side_missing", "side_empty", "side_silent", "side_failed"
NOTHING = frozenset({PartState.ABORTED, PartState.SUPERSEDED})
CONNECTED = "connected"


class CallState(StrEnum):
    """`ending`: it takes nothing more, and its sides are being finished; `aborted`: it was given up."""

    OPEN = "open"
    ENDING = "ending"
    ENDED = "ended"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of one side's packets, as far as its recording is kept.

    What came is counted once. `recovered` of the packets got lost, and were heard of what others repeat of them.
    `skipped` were left out, to be in step or as more came than is taken; `odd` counts by
    reason what is no packet of this side, `foreign` those of another sender; `filled` are seconds in
    which nothing came, of `seconds` in all; `jitter` is RFC 3550's, in seconds. The last packet arrived at a second of
    the call's clock.
    """

    packets: int = 0
    recovered: int = 0
    lost: int = 0
    late: int = 0
    doubled: int = 0
    skipped: int = 0
    restarts: int = 0
    foreign: int = 0
    filled: float = 0.0
    odd: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    jitter: float = 0.0
    last_sequence: int | None = None
    last_arrived: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One side of a call: its recording, what came of it, and from where; `is_over`: it takes nothing more.

    From a host and a port of it; or CONNECTED, over a connection that only its owner may open.
    """

    part_id: PartId
    payload_type: int | None = None
    is_over: bool = False
    source: str | None = None
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call's packets come in by UDP: the port of the left side and that of the right one."""

    receiver: str
    host: str
    left: int
    right: int

    def port(self, side: CallSide) -> int:
        return self.left if side is CallSide.LEFT else self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpReceiver:
    """A process that takes in RTP over UDP, at all ports from `first` to `last` of its machine.

    `host` is where senders find it. Each call takes four ports: of each side one for RTP, and the next for RTCP.
    """

    name: str
    host: str
    first: int
    last: int

    @property
    def places(self) -> range:
        """The first ports of as many calls as it takes in at once."""
        even = self.first + self.first % 2
        return range(even, self.last - PORTS_OF_CALL + 2, PORTS_OF_CALL)

    def place(self, left: int) -> "Place":
        return Place(receiver=self.name, host=self.host, left=left, right=left + PORTS_OF_CALL // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The record of a call. Times are the store's own; `begun_at` is the zero of the clock that both sides share.

    `heard_at` is when something of it was there last, `bridged_at` when a process last took it in.
    """

    id: CallId
    session_id: SessionId
    question_id: QuestionId
    user_id: UserId
    take: int
    state: CallState = CallState.OPEN
    lines: Mapping[CallSide, Line] = field(default_factory=dict)
    place: Place | None = None
    created_at: datetime | None = None
    begun_at: datetime | None = None
    heard_at: datetime | None = None
    bridged_at: datetime | None = None
    ended_at: datetime | None = None


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


def warnings_of(sides: Mapping[CallSide, Heard]) -> list[str]:
    """What is not as one would expect of a call that has ended; a side that was never meant to come is missing."""
    found = [sides[side].warning if side in sides else MISSING for side in CallSide]
    return list(dict.fromkeys(warning for warning in found if warning))


@dataclass(frozen=True, slots=True, kw_only=True)
class SideHeard(Heard):
    """The same of a call whose sides come apart, with what came of its packets."""

    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeard:
    """A call with both of its sides; one that was never meant to come is missing."""

    call: Call
    sides: Mapping[CallSide, SideHeard]

    @property
    def left(self) -> SideHeard | None:
        return self.sides.get(CallSide.LEFT)

    @property
    def right(self) -> SideHeard | None:
        return self.sides.get(CallSide.RIGHT)
