"""The records of calls, in memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.calls.model import CONNECTED, Call, CallState, RtpReceiver, Tally
from services.calls.ports import Begun
from services.interviews.model import CallId, CallSide
from tests.fakes.memory import Memory

GOING_ON = (CallState.OPEN, CallState.ENDING)


class FakeCalls:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def begin(self, call: Call) -> Call | None:
        if call.place and any(other.place == call.place and other.ended_at is None for other in self._calls()):
            return None
        now = self._memory.clock.now
        return self._keep(replace(call, created_at=now, heard_at=now))

    async def get(self, id: CallId) -> Call | None:
        return self._memory.calls.get(id)

    async def at(self, receiver: str, left: int) -> Call | None:
        open = (call for call in self._calls() if call.place and call.ended_at is None)
        return next(
            (call for call in open if call.place and (call.place.receiver, call.place.left) == (receiver, left)), None
        )

    async def start(self, id: CallId) -> Begun | None:
        call = self._in(id, CallState.OPEN)
        if call is None:
            return None
        now = self._memory.clock.now
        self._memory.silent.pop(id, None)
        call = self._keep(replace(call, begun_at=call.begun_at or now, heard_at=now, bridged_at=now))
        return Begun(call, (now - (call.begun_at or now)).total_seconds())

    async def latch(self, id: CallId, side: CallSide, source: str) -> Call | None:
        call = self._in(id, CallState.OPEN)
        first = None if source == CONNECTED or call is None else call.lines[side].source
        return call and self._line(call, side, source=first or source)

    async def note(self, id: CallId, tallies: Mapping[CallSide, Tally], *, is_heard: bool) -> Call | None:
        call = self._memory.calls.get(id)
        if call is None:
            return None
        for side, tally in tallies.items():
            call = self._line(call, side, tally=tally)
        now = self._memory.clock.now
        if is_heard:
            self._memory.silent.pop(id, None)
        return self._keep(replace(call, bridged_at=now, heard_at=now if is_heard else call.heard_at))

    async def side_over(self, id: CallId, side: CallSide) -> Call | None:
        call = self._in(id, *GOING_ON)
        if call is None or side not in call.lines:
            return None
        call = self._line(call, side, is_over=True)
        is_last = all(line.is_over for line in call.lines.values())
        return self._end(call) if is_last else call

    async def end(self, id: CallId) -> Call | None:
        call = self._in(id, CallState.OPEN)
        return call and self._end(call)

    async def abort(self, id: CallId) -> Call | None:
        call = self._in(id, *GOING_ON)
        if call is None or any(line.is_over for line in call.lines.values()):
            return None
        self._memory.giving_up.add(id)
        return self._over(call, CallState.ABORTED)

    async def given_up(self, id: CallId) -> None:
        self._memory.giving_up.discard(id)

    async def left_aborted(self, seconds: float) -> list[CallId]:
        clock, left = self._memory.clock, self._memory.giving_up
        return [call.id for call in self._calls() if call.id in left and clock.is_past(call.ended_at, seconds)]

    async def ended(self, id: CallId) -> Call | None:
        return self._over(self._in(id, CallState.ENDING), CallState.ENDED)

    async def suspect(self, seconds: float) -> None:
        clock = self._memory.clock
        for call in self._calls():
            if call.state is CallState.OPEN and clock.is_past(call.heard_at, seconds):
                self._memory.silent.setdefault(call.id, clock.now)

    async def silent(self, seconds: float) -> list[CallId]:
        clock, noted = self._memory.clock, self._memory.silent
        calls = [call for call in self._calls() if call.state is CallState.OPEN]
        return [call.id for call in calls if call.id in noted and clock.is_past(noted[call.id], seconds)]

    async def left_ending(self, seconds: float) -> list[CallId]:
        clock, ending = self._memory.clock, self._memory.ending
        calls = [call for call in self._calls() if call.state is CallState.ENDING]
        return [
            call.id
            for call in calls
            if clock.is_past(ending.get(call.id), seconds) and clock.is_past(call.bridged_at, seconds)
        ]

    def _calls(self) -> list[Call]:
        return list(self._memory.calls.values())

    def _in(self, id: CallId, *states: CallState) -> Call | None:
        call = self._memory.calls.get(id)
        return call if call is not None and call.state in states else None

    def _end(self, call: Call) -> Call:
        self._memory.ending.setdefault(call.id, self._memory.clock.now)
        return self._keep(replace(call, state=CallState.ENDING))

    def _over(self, call: Call | None, state: CallState) -> Call | None:
        return None if call is None else self._keep(replace(call, state=state, ended_at=self._memory.clock.now))

    def _line(self, call: Call, side: CallSide, **values: Any) -> Call:
        line = replace(call.lines[side], **values)
        return self._keep(replace(call, lines={**call.lines, side: line}))

    def _keep(self, call: Call) -> Call:
        self._memory.calls[call.id] = call
        return call


class FakeRtpReceivers:
    def __init__(self, memory: Memory) -> None:
        self._memory, self._receivers = memory, dict[str, RtpReceiver]()

    async def seen(self, receiver: RtpReceiver) -> None:
        self._receivers[receiver.name] = receiver

    async def gone(self, name: str) -> None:
        self._receivers.pop(name, None)

    async def alive(self) -> list[RtpReceiver]:
        return list(self._receivers.values())

    async def free(self, receiver: RtpReceiver, most: int) -> list[int]:
        calls = [call for call in self._memory.calls.values() if call.place and call.ended_at is None]
        taken = {call.place.left for call in calls if call.place and call.place.receiver == receiver.name}
        return [left for left in receiver.places if left not in taken][:most]
