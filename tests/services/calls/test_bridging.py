"""A call that is taken in by several processes: none harms what another one has."""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.calls.bridging import Bridge, Bridging
from services.calls.calls import Wanted
from services.calls.model import Call, CallState, RtpReceiver, Tally
from services.calls.packets.opus import RATE
from services.calls.reception import Reception
from services.errors import StoreUnavailable
from services.interviews.model import CallId, CallSide
from tests.calls.live import LEFT, RIGHT, sent
from tests.calls.sender import Datagram
from tests.calls.sound import decoded
from tests.fakes.calls import FakeCalls, FakeRtpReceivers
from tests.in_memory import ALICE, Q1, Interior
from tests.virtual_time import HurriedLoop

RECEIVER = RtpReceiver(name="one", host="192.0.2.1", first=40_000, last=40_003)
STRANGER = ("198.51.100.9", 5004)


class Slow(FakeCalls):
    """A store that lets so many notes of a call that is over not come through."""

    def __init__(self, house: Interior, failing: int) -> None:
        super().__init__(house.memory)
        self.failing = failing

    async def note(self, id: CallId, tallies: Mapping[CallSide, Tally], *, is_heard: bool) -> Call | None:
        call = await self.get(id)
        if call is not None and call.state is not CallState.OPEN and self.failing:
            self.failing -= 1
            raise StoreUnavailable
        return await super().note(id, tallies, is_heard=is_heard)


def process(house: Interior, failing: int = 0) -> Bridging:
    bridging = house.bridging
    return replace(bridging, records=Slow(house, failing), clock=asyncio.get_running_loop().time)


async def begun(house: Interior, *, has_ports: bool = False) -> Call:
    receivers = FakeRtpReceivers(house.memory)
    if has_ports:
        await receivers.seen(RECEIVER)
    calls = replace(house.calls, receivers=receivers)
    return await calls.begin(await house.session(), Q1, ALICE, {LEFT: Wanted(), RIGHT: Wanted()}, wants_rtp=has_ports)


async def talk(bridge: Bridge, side: CallSide, packets: list[Datagram]) -> None:
    for each in packets:
        await asyncio.sleep(max(0.0, each.arrived - bridge.now()))
        bridge.take(side, each.data)


async def stored(house: Interior, call: Call) -> dict[CallSide, Tally]:
    kept = await house.call_records.get(call.id)
    assert kept is not None
    return {side: line.tally for side, line in kept.lines.items()}


def test_what_one_has_of_its_side_is_not_written_over_by_another() -> None:
    async def play() -> None:
        house = Interior()
        call = await begun(house)
        one = await process(house).open(call.id, is_connected=True)
        other = await process(house).open(call.id, is_connected=True)
        running = [asyncio.create_task(bridge.run()) for bridge in (one, other)]
        await asyncio.gather(talk(one, LEFT, sent(3.1)), talk(other, RIGHT, sent(3.1, ssrc=7)))
        other.end(RIGHT)
        while not (await house.call_records.get(call.id) or call).lines[RIGHT].is_over:
            await asyncio.sleep(0.01)
        assert (await stored(house, call))[RIGHT].packets == 155
        await asyncio.sleep(3.0)
        assert (await stored(house, call))[RIGHT].packets == 155
        one.end(LEFT)
        await asyncio.gather(*running)
        assert (await stored(house, call))[LEFT].packets == 155

    HurriedLoop.runs(play())


def test_who_hears_first_that_it_is_over_leaves_others_the_end_of_theirs() -> None:
    async def play() -> None:
        house = Interior()
        call = await begun(house)
        one = await process(house).open(call.id, is_connected=True)
        other = await process(house, failing=2).open(call.id, is_connected=True)
        running = [asyncio.create_task(bridge.run()) for bridge in (one, other)]
        speaking = asyncio.create_task(talk(other, RIGHT, sent(3.9, ssrc=7)))
        await talk(one, LEFT, sent(2.0))
        await house.calls.end(call.id, ALICE)
        await speaking
        ended = await asyncio.gather(*running)
        assert {each.state for each in ended} == {CallState.ENDED}
        assert (await stored(house, call))[RIGHT].packets == 195

    HurriedLoop.runs(play())


def test_one_who_never_finishes_his_side_does_not_hold_up_the_end() -> None:
    async def play() -> None:
        house = Interior()
        call = await begun(house)
        one = await process(house).open(call.id, is_connected=True)
        other = await process(house).open(call.id, is_connected=True)
        dying = asyncio.create_task(other.run())
        await talk(other, RIGHT, sent(3.0, ssrc=7))
        dying.cancel()
        running = asyncio.create_task(one.run())
        await house.calls.end(call.id, ALICE)
        async with asyncio.timeout(20):
            assert (await running).state is CallState.ENDED

    HurriedLoop.runs(play())


def test_what_a_stranger_sends_takes_nothing_from_who_is_connected() -> None:
    async def play() -> None:
        house = Interior()
        call = await begun(house, has_ports=True)
        assert call.place is not None
        bridging = process(house)
        socket = await bridging.open(call.id, is_connected=True)
        running = asyncio.create_task(socket.run())
        reception = Reception(
            receiver=RECEIVER,
            bridging=bridging,
            records=house.call_records,
            receivers=FakeRtpReceivers(house.memory),
            clock=bridging.clock,
        )
        speaking = asyncio.create_task(talk(socket, LEFT, sent(6.0)))
        await asyncio.sleep(2.5)
        for each in sent(2.0, ssrc=99):
            reception.take(call.place.left, STRANGER, each.data)
            reception.take(call.place.left, STRANGER, b"\x80\x00" + bytes(20))
            await asyncio.sleep(0.02)
        await speaking
        assert not running.done()
        socket.end()
        await running
        tally = (await stored(house, call))[LEFT]
        assert (tally.packets, tally.last_sequence) == (300, 1299)
        await reception.leave()

    HurriedLoop.runs(play())


def test_what_comes_to_ports_without_a_call_stands_in_the_log() -> None:
    async def play() -> list[MutableMapping[str, Any]]:
        house = Interior()
        bridging = process(house)
        reception = Reception(
            receiver=RECEIVER,
            bridging=bridging,
            records=house.call_records,
            receivers=FakeRtpReceivers(house.memory),
            clock=bridging.clock,
        )
        with capture_logs() as logs:
            running = asyncio.create_task(reception.run())
            for each in sent(100.0):
                reception.take(40_000, STRANGER, each.data)
                reception.take(40_001, STRANGER, b"rubbish")
                await asyncio.sleep(0.02)
            running.cancel()
        return [each for each in logs if each["event"] == "datagrams to ports without a call"]

    told = HurriedLoop.runs(play())
    assert len(told) == 2
    assert told[1]["no_call"] > 0 and told[1]["not_rtp"] > 0


@pytest.mark.parametrize("faster", [1.0, 2.0])
def test_a_call_that_goes_on_too_long_is_as_long_as_a_recording_may_be(faster: float) -> None:
    async def play() -> None:
        house = Interior()
        call = await begun(house)
        bridge = await replace(process(house), most_seconds=10.0).open(call.id, is_connected=True)
        running = asyncio.create_task(bridge.run())
        for each in sent(30.0):
            await asyncio.sleep(max(0.0, each.arrived / faster - bridge.now()))
            bridge.take(LEFT, each.data)
        assert (await running).state is CallState.ENDED
        stream = b"".join(house.memory.chunks[call.lines[LEFT].part_id])
        assert 9.0 < len(decoded(stream)) / RATE <= 10.0

    HurriedLoop.runs(play())


def test_a_call_in_which_nobody_speaks_ends_as_well() -> None:
    async def play() -> None:
        house = Interior()
        call = await begun(house)
        bridge = await replace(process(house), most_seconds=10.0).open(call.id, is_connected=True)
        async with asyncio.timeout(20):
            assert (await bridge.run()).state is CallState.ENDED

    HurriedLoop.runs(play())
