"""What calls need from the store. Times are the store's own, so that no two clocks need to agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.calls.model import Call, RtpReceiver, Tally
from services.interviews.model import CallId, CallSide


@dataclass(frozen=True, slots=True)
class Begun:
    """A call, and for how many seconds its clock runs."""

    call: Call
    seconds: float


class CallRecords(Protocol):
    """The records of calls. A change returns the record as it then is, None where it had moved on."""

    async def begin(self, call: Call) -> Call | None:
        """Keep the record of a new one; None where its ports are another open one's."""

    async def get(self, id: CallId) -> Call | None: ...

    async def at(self, receiver: str, left: int) -> Call | None:
        """The call that a receiver takes in at these ports."""

    async def start(self, id: CallId) -> Begun | None:
        """Its clock runs, from the first time that this is asked; None where it is not open."""

    async def latch(self, id: CallId, side: CallSide, source: str) -> Call | None:
        """What comes from elsewhere is not this side's, from now on; the first who is noted stays.

        Only CONNECTED takes it from whoever it was: that is the owner himself, and by UDP anybody may come.
        """

    async def note(self, id: CallId, tallies: Mapping[CallSide, Tally], *, is_heard: bool) -> Call | None:
        """A process takes it in, and has kept so much of its sides; the record, also of one that is not open."""

    async def side_over(self, id: CallId, side: CallSide) -> Call | None:
        """This side takes nothing more. With the last of them the call is ending."""

    async def end(self, id: CallId) -> Call | None:
        """open -> ending."""

    async def abort(self, id: CallId) -> Call | None:
        """open or ending -> aborted, unless a side of it has ended: that is to be given up yet."""

    async def given_up(self, id: CallId) -> None:
        """Nothing of an aborted one is left."""

    async def ended(self, id: CallId) -> Call | None:
        """ending -> ended: nothing remains to be done, and its ports are free."""

    async def suspect(self, seconds: float) -> None:
        """Note of which open ones nothing came for so long; until something does."""

    async def silent(self, seconds: float) -> list[CallId]:
        """Those that were noted so long ago, a bounded number: who takes one in has had time to say so since.

        Where the store itself was away, all are silent when it comes back.
        """

    async def left_ending(self, seconds: float) -> list[CallId]:
        """Ending ones that nobody has brought to their end for so long; a bounded number."""

    async def left_aborted(self, seconds: float) -> list[CallId]:
        """Aborted ones that are to be given up yet, after so long; a bounded number."""


class RtpReceivers(Protocol):
    """The processes that take in RTP over UDP."""

    async def seen(self, receiver: RtpReceiver) -> None:
        """It is there, for some seconds."""

    async def gone(self, name: str) -> None:
        """It is not there any more."""

    async def alive(self) -> list[RtpReceiver]: ...

    async def free(self, receiver: RtpReceiver, most: int) -> list[int]:
        """First ports of places that are free, so many at most: those first whose turn is longest ago."""
