"""RTP over UDP: all ports of one receiver, and whose call each takes in.

Nothing is asked of the store for what looks like no RTP, and little for what does: of a port that takes in no call
some packets are held while it is looked for, now and then. The first who sends two packets to a side's port is latched:
what comes from others is counted and left, so that nobody can speak for him.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from services.background import Background, Kind
from services.calls.bridging import Bridge, Bridging
from services.calls.candidates import Candidates, Source
from services.calls.model import PORTS_OF_CALL, CallState, RtpReceiver
from services.calls.packets.red import unwrapped
from services.calls.packets.rtp import Odd, RtpPacket, is_rtcp, parse
from services.calls.packets.sounds import may_be_sound
from services.calls.ports import CallRecords, RtpReceivers
from services.errors import Problem, StoreUnavailable
from services.interviews.model import CallSide

log = structlog.get_logger(__name__)

NOWHERE: Source = ("", 0)

LOOK_SECONDS = 0.5
SEEN_SECONDS, TELL_SECONDS = 3.0, 60.0
MOST_HELD, MOST_HELD_OF_CALL, MOST_HELD_BYTES = 64, 1024, 8 * 1024 * 1024
MOST_DATAGRAM_BYTES = 4096
LOOKS_AT_ONCE = 8
LEAVING_SECONDS = 5.0


class Datagram(NamedTuple):
    side: CallSide
    is_for_reports: bool
    source: Source
    data: bytes
    arrived: float


@dataclass(slots=True)
class Place:
    """The ports of one call at a time; `has_call` once it is known that there is one."""

    held: deque[Datagram] = field(default_factory=deque)
    sources: dict[CallSide, Source] = field(default_factory=dict)
    candidates: dict[CallSide, Candidates] = field(default_factory=dict)
    bridge: Bridge | None = None
    task: asyncio.Task[None] | None = None
    looked_at: float = float("-inf")
    has_call: bool = False


@dataclass(slots=True, kw_only=True)
class Reception:
    """The use case, in one process. `strangers` counts what came to ports that take in no call; the log tells.

    `held_bytes` wait at all ports together for their calls to be looked for.
    """

    receiver: RtpReceiver
    bridging: Bridging
    records: CallRecords
    receivers: RtpReceivers
    background: Background = field(default_factory=Background)
    clock: Callable[[], float] = time.monotonic
    strangers: Counter[str] = field(default_factory=Counter, init=False)
    held_bytes: int = field(default=0, init=False)
    _places: dict[int, Place] = field(default_factory=dict, init=False)
    _looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS_AT_ONCE), init=False)
    _told_at: float = field(default=float("-inf"), init=False)
    _is_leaving: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._places = {left: Place() for left in self.receiver.places}

    @property
    def ports(self) -> list[int]:
        """All that are to be listened at."""
        return [left + each for left in self._places for each in range(PORTS_OF_CALL)]

    @property
    def open_calls(self) -> int:
        return sum(place.bridge is not None for place in self._places.values())

    def take(self, port: int, source: Source, data: bytes) -> None:
        """Take in a datagram that has come to this port just now; whatever it is, it is no error."""
        beyond = (port - self.receiver.places.start) % PORTS_OF_CALL
        left, side = port - beyond, CallSide.LEFT if beyond < PORTS_OF_CALL // 2 else CallSide.RIGHT
        place = self._places.get(left)
        if place is None:
            return
        datagram = Datagram(side, beyond % 2 == 1, source, data, self.clock())
        if place.bridge is not None:
            self._hand_on(place, place.bridge, datagram)
        elif not _may_be_rtp(data):
            self.strangers["not_rtp"] += 1
        else:
            self._hold(left, place, datagram)

    async def run(self) -> None:
        """Say that this receiver is there, for ever."""
        await self.background.keep(Kind.RECEIVERS, self._tell)

    async def _tell(self) -> None:
        while True:
            try:
                await self.receivers.seen(self.receiver)
            except StoreUnavailable:
                log.warning("it cannot be said that this receiver is there")
            self._tell_of_strangers()
            await asyncio.sleep(SEEN_SECONDS)

    def _tell_of_strangers(self) -> None:
        """Once a minute, so that who sends to a wrong port, or too late, can be found out."""
        if self.strangers and self.clock() - self._told_at >= TELL_SECONDS:
            log.warning("datagrams to ports without a call", **self.strangers)
            self.strangers.clear()
            self._told_at = self.clock()

    async def leave(self) -> None:
        """Nothing more is taken in here; what has come is kept, and another process may go on."""
        self._is_leaving = True
        tasks = [place.task for place in self._places.values() if place.task is not None]
        for place in self._places.values():
            if place.bridge is not None:
                place.bridge.leave()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LEAVING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self.receivers.gone(self.receiver.name)
        except StoreUnavailable:
            log.warning("it cannot be said that this receiver is gone")

    def _hold(self, left: int, place: Place, datagram: Datagram) -> None:
        """Keep it, as far as there is room, while its call is looked for: at once, or as soon as that may be again."""
        if len(datagram.data) > MOST_DATAGRAM_BYTES or self.held_bytes > MOST_HELD_BYTES - MOST_DATAGRAM_BYTES:
            self.strangers["too_much"] += 1
        else:
            place.held.append(datagram)
            self.held_bytes += len(datagram.data)
        if len(place.held) > (MOST_HELD_OF_CALL if place.has_call else MOST_HELD):
            self._let_go(place)
            self.strangers["too_much"] += 1
        if place.task is None and not self._is_leaving:
            place.task = asyncio.create_task(self._serve(left, place))

    def _let_go(self, place: Place) -> Datagram:
        datagram = place.held.popleft()
        self.held_bytes -= len(datagram.data)
        return datagram

    async def _serve(self, left: int, place: Place) -> None:
        """Take in the call that has these ports, if there is one, until it is over."""
        try:
            await asyncio.sleep(place.looked_at + LOOK_SECONDS - self.clock())
            async with self._looks:
                place.looked_at = self.clock()
                call = await self.records.at(self.receiver.name, left)
                if call is None or call.state is not CallState.OPEN:
                    self.strangers["no_call"] += len(place.held)
                    return
                place.has_call = True
                bridge = await self.bridging.open(call.id, is_connected=False)
            if self._is_leaving:
                return
            place.bridge = bridge
            while place.held:
                self._hand_on(place, bridge, self._let_go(place))
            ended = await bridge.run()
            log.info("a call is no longer taken in", call=ended.id, state=ended.state.value)
        except Problem as problem:
            log.warning("a call is not taken in", code=problem.code, port=left)
        except Exception:
            log.exception("a call is not taken in", port=left)
        finally:
            while place.held:
                self._let_go(place)
            if single := sum(each.seen for each in place.candidates.values()):
                self.strangers["single"] += single
            place.sources, place.candidates, place.bridge, place.task = {}, {}, None, None
            place.has_call = False

    def _hand_on(self, place: Place, bridge: Bridge, datagram: Datagram) -> None:
        side = datagram.side
        latched = place.sources.get(side) or _latched(bridge, side)
        if latched is None and datagram.is_for_reports:
            return  # a report of what has not come yet
        if latched is None and (packet := _packet_of(datagram)) is not None:
            if not _may_begin(bridge, side, packet):
                bridge.take(side, datagram.data, datagram.arrived)  # which says why it is no sound
                return
            if not self._latch(place, bridge, datagram, packet):
                return
            latched = datagram.source
        is_own = latched is not None and datagram.source[0] == latched[0]
        if not is_own or (datagram.source != latched and not datagram.is_for_reports):
            bridge.refuse(side)
        elif not datagram.is_for_reports or is_rtcp(datagram.data):
            bridge.take(side, datagram.data, datagram.arrived)

    @staticmethod
    def _latch(place: Place, bridge: Bridge, datagram: Datagram, packet: RtpPacket) -> bool:
        """Whether its source is the side's from now on; what came of it before is handed on, of others refused."""
        side, source = datagram.side, datagram.source
        candidates = place.candidates.setdefault(side, Candidates())
        first = candidates.first_of(source, datagram.data, datagram.arrived, packet)
        if first is None:
            return False
        place.sources[side] = source
        bridge.latch(side, f"{source[0]} {source[1]}")
        bridge.take(side, first.data, first.arrived)
        bridge.refuse(side, place.candidates.pop(side).seen - 2)
        return True


def _packet_of(datagram: Datagram) -> RtpPacket | None:
    try:
        return None if is_rtcp(datagram.data) else parse(datagram.data)
    except Odd:
        return None


def _may_begin(bridge: Bridge, side: CallSide, packet: RtpPacket) -> bool:
    """Only who sends what may be this side's sound is latched."""
    line = bridge.call.lines.get(side)
    return line is not None and may_be_sound(unwrapped(packet, line.payload_type), line.payload_type)


def _may_be_rtp(data: bytes) -> bool:
    return len(data) >= 12 and data[0] >> 6 == 2


def _latched(bridge: Bridge, side: CallSide) -> Source | None:
    """From where a side comes, by its record; from no host where it comes over a connection."""
    line = bridge.call.lines.get(side)
    if line is None or line.source is None:
        return None
    host, _, port = line.source.rpartition(" ")
    return (host, int(port)) if host else NOWHERE
