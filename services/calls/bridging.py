"""Taking a call in, in one process: packets of both sides, on one clock.

Each second it is noted that somebody takes it in, and what is kept of it; so it is heard, too, that it was ended or
given up elsewhere. Who leaves leaves it open: another process may go on, until it has been silent for too long.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from services.calls.ending import Ending
from services.calls.model import CONNECTED, Call, CallState, Tally
from services.calls.ports import CallRecords
from services.calls.recording import Over, SideRecording
from services.errors import CallGone, CallOver, CallsOff, StoreUnavailable
from services.interviews.model import CallId, CallSide, Viewer
from services.recordings.arrivals import Arrivals

log = structlog.get_logger(__name__)

NOTE_SECONDS = 1.0
BUFFER_SECONDS = 0.2
MOST_SECONDS, MARGIN_SECONDS = 4 * 3600.0, 2.0
MOST_NOTES_OF_END = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridging:
    """The use case, in one process."""

    ending: Ending
    arrivals: Arrivals
    records: CallRecords
    buffer_seconds: float = BUFFER_SECONDS
    most_seconds: float = MOST_SECONDS
    is_on: bool = True
    clock: Callable[[], float] = time.monotonic

    @property
    def last_second(self) -> float:
        """When a call ends by itself: so early that its sides are no longer than a recording may be."""
        return self.most_seconds - min(MARGIN_SECONDS, self.most_seconds / 20)

    async def open(self, id: CallId, *, is_connected: bool) -> "Bridge":
        """Take a call in from now on; CallsOff, CallGone, CallOver.

        Who is connected is there, even if nothing comes from him.
        """
        if not self.is_on:
            raise CallsOff
        before = self.clock()
        begun = await self.records.start(id)
        if begun is None:
            call = await self.records.get(id)
            raise CallGone if call is None or call.state is CallState.ABORTED else CallOver
        zero = (before + self.clock()) / 2 - begun.seconds
        return Bridge(bridging=self, call=begun.call, zero=zero, is_connected=is_connected)


@dataclass(slots=True, kw_only=True)
class Bridge:
    """A call that is taken in here. `run` is awaited beside what hands it packets."""

    bridging: Bridging
    call: Call
    zero: float
    is_connected: bool
    _sides: dict[CallSide, SideRecording] = field(default_factory=dict, init=False)
    _tasks: dict[CallSide, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _sources: dict[CallSide, str] = field(default_factory=dict, init=False)
    _is_heard: bool = field(default=False, init=False)
    _is_left: bool = field(default=False, init=False)
    _is_over: bool = field(default=False, init=False)
    _notes_of_end: int = field(default=0, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def now(self) -> float:
        """Seconds on the call's clock."""
        return max(0.0, self.bridging.clock() - self.zero)

    def take(self, side: CallSide, data: bytes, arrived: float | None = None) -> None:
        """Take in a packet that came now, or then; one of a side that is over, or was never wanted, is nothing."""
        recording = self._side(side)
        if recording is None or recording.is_over:
            return
        self._is_heard = True
        at = self.now() if arrived is None else max(0.0, arrived - self.zero)
        if max(at, recording.seconds) >= self.bridging.last_second:
            recording.end()
        else:
            recording.take(data, at)

    def latch(self, side: CallSide, source: str) -> None:
        """Note from where this side comes, so that whoever goes on takes it from nowhere else."""
        self._sources[side] = source

    def refuse(self, side: CallSide, packets: int = 1) -> None:
        """Count what came from somebody else; of a side that is not taken in here it is nothing."""
        recording = self._sides.get(side)
        if recording is not None:
            recording.foreign += packets

    def end(self, side: CallSide | None = None) -> None:
        """All of this side has come, or of both."""
        for each in self.call.lines if side is None else {side} & self.call.lines.keys():
            recording = self._side(each)
            if recording is not None:
                recording.end()

    def leave(self) -> None:
        """Nothing more comes here."""
        self._is_left = True
        for recording in self._sides.values():
            recording.leave()
        self._news.set()

    def tallies(self) -> Mapping[CallSide, Tally]:
        """What is kept of each side."""
        return {
            side: self._sides[side].tally if side in self._sides else line.tally
            for side, line in self.call.lines.items()
        }

    def _own(self) -> Mapping[CallSide, Tally]:
        """The same of those that are taken in here: what there is of others is for others to say."""
        return {side: recording.tally for side, recording in self._sides.items()}

    async def run(self) -> Call:
        """Until it is over, or left; the record as it then is. CallGone, CallTakenOver, and what the store refuses."""
        try:
            while not self._is_done():
                self._news.clear()
                try:
                    await asyncio.wait_for(self._news.wait(), NOTE_SECONDS)
                except TimeoutError:
                    await self._note()
            await self._settled()
        finally:
            self._is_over = True
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._is_left and (self.call.state is CallState.OPEN or self._is_elsewhere):
            return self.call
        return await self.bridging.ending.conclude(self.call)

    def _side(self, side: CallSide) -> SideRecording | None:
        """A side is gone on with once something of it comes here."""
        line = self.call.lines.get(side)
        if line is None or line.is_over or self._is_over:
            return None
        if side not in self._sides:
            self._sides[side] = recording = SideRecording(
                arrivals=self.bridging.arrivals,
                viewer=Viewer(self.call.user_id),
                line=line,
                clock=self.now,
                buffer_seconds=self.bridging.buffer_seconds,
            )
            if self.is_connected:
                self.latch(side, CONNECTED)
            self._tasks[side] = task = asyncio.create_task(self._record(side, recording))
            task.add_done_callback(lambda _: self._news.set())
        return self._sides[side]

    async def _record(self, side: CallSide, recording: SideRecording) -> None:
        await self._note_sources()  # before it is taken over, so that nobody takes it back
        if await recording.run() is not Over.LEFT:  # also where another has finished it, and died before he noted that
            await self._insist_on_note()
            self.call = await self.bridging.ending.finish_side(self.call, side)

    def _is_done(self) -> bool:
        """Whether nothing more is to be waited for; what went wrong with a side is raised."""
        for task in self._tasks.values():
            if task.done():
                task.result()
        if self._is_left:
            return all(task.done() for task in self._tasks.values())
        if all(line.is_over for line in self.call.lines.values()):
            return True
        is_ended = self.call.state is not CallState.OPEN and all(task.done() for task in self._tasks.values())
        return is_ended and (not self._is_elsewhere or self._notes_of_end > MOST_NOTES_OF_END)

    @property
    def _is_elsewhere(self) -> bool:
        """Whether another process takes a side in, or did, and has not finished it yet."""
        others = [line for side, line in self.call.lines.items() if side not in self._tasks and not line.is_over]
        return any(line.source is not None or line.tally.packets for line in others)

    async def _settled(self) -> None:
        """What is kept in the end is noted, so that whoever goes on finds it."""
        for task in self._tasks.values():
            if task.done():
                task.result()
        try:
            await self._note()
        except StoreUnavailable:
            log.warning("what is kept of a call is not noted", call=self.call.id)

    async def _insist_on_note(self) -> None:
        noted = await self.bridging.records.note(self.call.id, self._own(), is_heard=True)
        if noted is None:
            raise CallGone

    async def _note_sources(self) -> None:
        for side, source in list(self._sources.items()):
            try:
                await self.bridging.records.latch(self.call.id, side, source)
            except StoreUnavailable:
                return
            self._sources.pop(side, None)

    async def _note(self) -> None:
        """Say that it is taken in here, and hear what others made of it."""
        await self._note_sources()
        is_heard, self._is_heard = self._is_heard or (self.is_connected and not self._is_left), False
        try:
            if self.now() >= self.bridging.last_second:
                await self.bridging.records.end(self.call.id)
            noted = await self.bridging.records.note(self.call.id, self._own(), is_heard=is_heard)
        except StoreUnavailable:
            self._is_heard = self._is_heard or is_heard
            return
        if noted is None or noted.state is CallState.ABORTED:
            raise CallGone
        self.call = noted
        self._notes_of_end += noted.state is not CallState.OPEN
        if noted.state is not CallState.OPEN:
            for recording in self._sides.values():
                recording.end()
