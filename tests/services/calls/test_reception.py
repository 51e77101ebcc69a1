"""Whose datagrams are taken in at a receiver's ports, and how little those of strangers cost."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from services.calls.calls import Wanted
from services.calls.model import CONNECTED, Call, RtpReceiver
from services.calls.ports import Begun, CallRecords
from services.calls.reception import LOOK_SECONDS, MOST_DATAGRAM_BYTES, MOST_HELD, MOST_HELD_BYTES, Reception
from services.errors import CallTakenOver
from services.interviews.model import CallId
from tests.calls.live import LEFT, RIGHT, sent
from tests.calls.sender import rtp, sender_report
from tests.fakes.calls import FakeRtpReceivers
from tests.in_memory import ALICE, Q1, Interior
from tests.services.calls.packets.test_red import PACKETS, red
from tests.virtual_time import HurriedLoop

RECEIVER = RtpReceiver(name="one", host="192.0.2.1", first=40_000, last=40_399)
BRIDGE, STRANGER = ("198.51.100.1", 5004), ("198.51.100.9", 5004)


async def begun(house: Interior) -> tuple[Call, Reception]:
    receivers = FakeRtpReceivers(house.memory)
    await receivers.seen(RECEIVER)
    calls = replace(house.calls, receivers=receivers)
    both = {LEFT: Wanted(), RIGHT: Wanted()}
    call = await calls.begin(await house.session(), Q1, ALICE, both, wants_rtp=True)
    clock = asyncio.get_running_loop().time
    bridging = replace(house.bridging, clock=clock)
    return call, Reception(
        receiver=RECEIVER, bridging=bridging, records=house.call_records, receivers=receivers, clock=clock
    )


def test_a_stranger_who_was_first_does_not_keep_who_is_connected_out() -> None:
    """Anybody may send by UDP, and only the owner opens a connection."""

    async def play() -> None:
        house = Interior()
        call, reception = await begun(house)
        assert call.place is not None
        left = call.place.left

        async def stranger() -> None:
            for each in sent(9.0, ssrc=99):
                reception.take(left, STRANGER, each.data)
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(stranger())
        await asyncio.sleep(1.5)
        taken_over = 0
        while True:
            socket = await reception.bridging.open(call.id, is_connected=True)
            running = asyncio.create_task(socket.run())
            for each in sent(3.0):
                socket.take(LEFT, each.data)
                await asyncio.sleep(0.02)
            if not running.done():
                break
            assert isinstance(running.exception(), CallTakenOver)
            taken_over += 1
            assert taken_over < 2
        await sending
        socket.end()
        await running
        kept = await house.call_records.get(call.id)
        assert kept is not None
        assert kept.lines[LEFT].source == CONNECTED
        await reception.leave()

    HurriedLoop.runs(play())


def test_who_sends_redundant_audio_is_latched() -> None:
    async def play() -> None:
        house = Interior()
        call, reception = await begun(house)
        assert call.place is not None
        for each in red(PACKETS, 1):
            reception.take(call.place.left, BRIDGE, each.data)
            await asyncio.sleep(0.02)
        await reception.leave()
        kept = await house.call_records.get(call.id)
        assert kept is not None
        assert kept.lines[LEFT].source == "198.51.100.1 5004"
        assert kept.lines[LEFT].tally.packets == len(PACKETS)

    HurriedLoop.runs(play())


@pytest.mark.parametrize(
    ("stray", "odd"),
    [
        (rtp(bytes(160), 5, 5, payload_type=0), {"payload_type": 1}),
        (rtp(b"", 5, 5), {"empty": 1}),
        (rtp(b"\xfb\x00", 5, 5), {"not_opus": 1}),
        (rtp(b"\x40", 5, 5, payload_type=13), {"comfort_noise": 1}),
        (rtp(b"\x05\x8a\x03\x20", 5, 5, payload_type=101), {"not_opus": 1}),
        (sender_report(1.0, 5), {}),
    ],
    ids=["another codec", "empty", "no opus", "comfort noise", "keypad", "report"],
)
def test_what_is_no_sound_of_a_side_latches_nobody(stray: bytes, odd: dict[str, int]) -> None:
    async def play() -> None:
        house = Interior()
        call, reception = await begun(house)
        assert call.place is not None
        reception.take(call.place.left, STRANGER, stray)
        await asyncio.sleep(0.1)
        for each in sent(2.0):
            reception.take(call.place.left, BRIDGE, each.data)
            await asyncio.sleep(0.02)
        await reception.leave()
        kept = await house.call_records.get(call.id)
        assert kept is not None
        assert (kept.lines[LEFT].tally.packets, kept.lines[LEFT].source) == (100, "198.51.100.1 5004")
        assert kept.lines[LEFT].tally.odd == odd

    HurriedLoop.runs(play())


class Slow:
    """Records that take their time until a call's clock runs."""

    def __init__(self, records: CallRecords, seconds: float) -> None:
        self._records, self._seconds = records, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def start(self, id: CallId) -> Begun | None:
        await asyncio.sleep(self._seconds / 2)
        begun = await self._records.start(id)
        await asyncio.sleep(self._seconds / 2)
        return begun


def test_nothing_is_lost_of_a_call_that_begins_while_the_store_is_slow() -> None:
    async def play() -> None:
        house = Interior()
        call, reception = await begun(house)
        assert call.place is not None
        reception.bridging = replace(reception.bridging, records=cast(CallRecords, Slow(house.call_records, 3.0)))
        for left, right in zip(sent(6.0), sent(6.0, seed=2, ssrc=2), strict=True):
            reception.take(call.place.left, BRIDGE, left.data)
            reception.take(call.place.right, BRIDGE, right.data)
            await asyncio.sleep(0.02)
        await reception.leave()
        kept = await house.call_records.get(call.id)
        assert kept is not None
        for side in (LEFT, RIGHT):
            tally = kept.lines[side].tally
            assert (tally.packets, tally.lost, tally.skipped) == (300, 0, 0)
            assert tally.seconds == pytest.approx(6.0, abs=0.2)

    HurriedLoop.runs(play())


@pytest.mark.parametrize("strangers", [1, 40])
def test_single_packets_of_strangers_latch_nobody(strangers: int) -> None:
    """However real they are, and however many come, before and between the side's own."""

    async def play() -> None:
        house = Interior()
        call, reception = await begun(house)
        assert call.place is not None
        left = call.place.left
        stray = sent(1.0, ssrc=99)

        def come(port: int) -> None:
            for number in range(strangers):
                reception.take(left, (STRANGER[0], port + number), stray[number].data)

        come(7000)
        await asyncio.sleep(0.1)
        own = sent(2.0)
        reception.take(left, BRIDGE, own[0].data)
        come(8000) if strangers == 1 else None
        for each in own[1:]:
            reception.take(left, BRIDGE, each.data)
            await asyncio.sleep(0.02)
        await reception.leave()
        kept = await house.call_records.get(call.id)
        assert kept is not None
        line = kept.lines[LEFT]
        assert (line.tally.packets, line.source) == (100, "198.51.100.1 5004")
        assert (line.tally.restarts, line.tally.foreign) == (0, strangers + (strangers == 1))

    HurriedLoop.runs(play())


def test_what_strangers_send_to_ports_without_calls_is_not_kept() -> None:
    """As much as may be at once, and then nothing more, so that nothing drives it away."""

    async def play() -> None:
        _, reception = await begun(Interior())
        large = rtp(b"\xf8" + bytes(60_000), 1, 1)
        for port in reception.ports[4:]:
            for _ in range(3):
                for _ in range(30):
                    reception.take(port, STRANGER, large)
                await asyncio.sleep(0)
        assert reception.held_bytes <= MOST_HELD_BYTES
        await asyncio.sleep(3 * LOOK_SECONDS)
        assert reception.held_bytes == 0
        await reception.leave()

    HurriedLoop.runs(play())


def test_what_is_too_large_drives_nothing_away_and_what_was_driven_away_is_counted() -> None:
    async def play() -> None:
        house = Interior()
        call, reception = await begun(house)
        assert call.place is not None
        left, own = call.place.left, sent(4.0)
        for each in own[: MOST_HELD + 3]:
            reception.take(left, BRIDGE, each.data)
        for _ in range(MOST_HELD):
            reception.take(left, STRANGER, rtp(b"\xf8" + bytes(MOST_DATAGRAM_BYTES), 1, 1))
        assert reception.strangers == {"too_much": 3 + MOST_HELD}
        await asyncio.sleep(LOOK_SECONDS)
        await reception.leave()
        kept = await house.call_records.get(call.id)
        assert kept is not None
        assert kept.lines[LEFT].tally.packets == MOST_HELD

    HurriedLoop.runs(play())


def test_a_single_packet_is_found_a_call_though_one_was_just_looked_for() -> None:
    async def play() -> None:
        house = Interior()
        _, reception = await begun(house)
        place = RECEIVER.place(RECEIVER.first + 4)
        reception.take(place.left, BRIDGE, sent(0.1)[0].data)
        await asyncio.sleep(LOOK_SECONDS / 5)
        calls = replace(house.calls, receivers=reception.receivers)
        call = await calls.begin(await house.session(), Q1, ALICE, {LEFT: Wanted()}, wants_rtp=True)
        assert call.place == place
        reception.take(place.left, BRIDGE, sent(0.1)[1].data)
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert reception.open_calls == 1
        await reception.leave()

    HurriedLoop.runs(play())
