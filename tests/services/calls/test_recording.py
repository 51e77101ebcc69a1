"""One side of a call whose store does not answer, or not as fast as packets come."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from services.calls.calls import Wanted
from services.calls.model import Tally
from services.calls.packets.ogg import whole_pages
from services.calls.recording import MOST_UNSAVED, MOST_WAITING, Over, SideRecording
from services.errors import StoreUnavailable
from services.interviews.model import PartId, Viewer
from services.recordings.arrivals import Arrivals
from tests.calls.live import LEFT
from tests.calls.sender import Network, Sender
from tests.calls.stream import written
from tests.in_memory import ALICE, Q1, Interior
from tests.virtual_time import HurriedLoop

LOUD = bytes([0x7B, 0x06]) + bytes(6 * 1275)


class Away:
    """A store that answers once, if at all, and then not any more."""

    def __init__(self, arrivals: Arrivals, answers: int) -> None:
        self._arrivals, self._answers = arrivals, answers

    def __getattr__(self, name: str) -> Any:
        if name == "append" or self._answers == 0:
            raise StoreUnavailable
        self._answers -= 1
        return getattr(self._arrivals, name)


async def recording(house: Interior, arrivals: Any) -> SideRecording:
    call = await house.calls.begin(await house.session(), Q1, ALICE, {LEFT: Wanted()})
    clock = asyncio.get_running_loop().time
    return SideRecording(arrivals=arrivals, viewer=ALICE, line=call.lines[LEFT], clock=clock, buffer_seconds=0.2)


def held(side: SideRecording) -> int:
    stream = 0 if side._stream is None else side._stream.unsettled
    return stream + len(side._unsaved) + sum(len(data) for data, _ in side._waiting)


@pytest.mark.parametrize("answers", [0, 2], ids=["never", "until it has begun"])
def test_while_the_store_is_away_no_more_is_held_than_may_be(answers: int) -> None:
    async def play() -> None:
        house = Interior()
        side = await recording(house, Away(house.arrivals, answers))
        running = asyncio.create_task(side.run())
        await asyncio.sleep(0.01)
        assert (side._stream is not None) == (answers > 0)
        for each in Sender().send([LOUD] * 300):
            await asyncio.sleep(0.001)
            side.take(each.data, each.arrived)
            assert held(side) <= MOST_UNSAVED + 10 * len(LOUD)
            assert len(side._waiting) <= MOST_WAITING
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    HurriedLoop.runs(play())


@pytest.mark.parametrize("lost", [0.0, 5.0])
def test_no_more_is_said_to_be_kept_than_is(lost: float) -> None:
    async def play() -> None:
        house = Interior()
        side = await recording(house, house.arrivals)
        running = asyncio.create_task(side.run())
        loop, zero = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        payloads = [bytes([0xF8]) + number.to_bytes(2) * 30 for number in range(300)]
        for each in Network(lost=lost, reordered=2.0).carry(Sender().send(payloads)):
            await asyncio.sleep(max(0.0, zero + each.arrived - loop.time()))
            side.take(each.data, each.arrived)
            stream = await house.arrivals.tail(side.line.part_id, ALICE, 1_000_000)
            kept = [one.packet for one in written(stream)] if stream else []
            numbers = [int.from_bytes(packet[1:3]) for packet in kept if len(packet) > 2]
            assert side.tally.packets == len(numbers)
            assert side.tally.last_sequence == (1000 + numbers[-1] if numbers else None)
        side.end()
        await running
        assert side.tally.last_sequence == 1299

    HurriedLoop.runs(play())


def test_what_is_left_out_is_counted() -> None:
    async def play() -> None:
        house = Interior()
        side = await recording(house, house.arrivals)
        running = asyncio.create_task(side.run())
        await asyncio.sleep(0.01)
        packets = list(Sender().send([LOUD] * 300))
        for each in packets:
            side.take(each.data, each.arrived)
        side.end()
        await running
        tally = side.tally
        assert tally.skipped > 0
        assert tally.packets + tally.skipped == len(packets)

    HurriedLoop.runs(play())


class Cut:
    """A store that keeps no more than some bytes of the second run, and goes away before it says so."""

    def __init__(self, arrivals: Arrivals, most: int) -> None:
        self._arrivals, self._most, self.runs = arrivals, most, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arrivals, name)

    async def append(
        self,
        id: PartId,
        viewer: Viewer,
        at: int,
        data: AsyncIterator[bytes],
        *,
        told: Callable[[int], None],
        takes_over: bool,
    ) -> None:
        def heard(offset: int) -> None:
            if self.runs != 2:
                told(offset)

        await self._arrivals.append(id, viewer, at, self._cut(data), takes_over=takes_over, told=heard)

    async def _cut(self, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in data:
            self.runs += 1
            yield piece[: self._most] if self.runs == 2 else piece
            if self.runs == 2:
                raise StoreUnavailable


@pytest.mark.parametrize("most", [1, 1000, 1_000_000])
def test_a_page_of_which_a_part_was_kept_is_gone_on_with(most: int) -> None:
    async def play() -> None:
        house = Interior()
        cut = Cut(house.arrivals, most)
        side = await recording(house, cut)
        running = asyncio.create_task(side.run())
        for each in Sender().send([bytes([0xF8]) + bytes(60)] * 250):
            await asyncio.sleep(0.02)
            side.take(each.data, each.arrived)
        side.end()
        assert await running is Over.ENDED and cut.runs > 2
        stream = await house.arrivals.tail(side.line.part_id, ALICE, 1_000_000)
        assert whole_pages(stream) == stream
        assert sum(len(each.packet) > 2 for each in written(stream)) == side.tally.packets == 250

    HurriedLoop.runs(play())


@pytest.mark.parametrize("lost", [0.0, 5.0])
@pytest.mark.parametrize(("noted", "killed"), [(0.0, 1.9), (1.3, 3.4), (2.9, 3.1), (3.4, 3.4)])
def test_what_is_sent_again_though_it_was_kept_stands_there_once_and_is_counted_once(
    noted: float, killed: float, lost: float
) -> None:
    async def play() -> None:
        house = Interior()
        first = await recording(house, house.arrivals)
        running = asyncio.create_task(first.run())
        payloads = [bytes([0xF8]) + number.to_bytes(2) * 30 for number in range(300)]
        packets = Network(lost=lost).carry(Sender().send(payloads))
        zero = asyncio.get_running_loop().time()

        async def bring(side: SideRecording, after: float, until: float) -> None:
            for each in (one for one in packets if after <= one.arrived < until):
                await asyncio.sleep(max(0.0, zero + each.arrived - asyncio.get_running_loop().time()))
                side.take(each.data, each.arrived)

        await bring(first, 0.0, noted)
        tally = first.tally
        await bring(first, noted, killed)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        second = replace(first, line=replace(first.line, tally=tally))
        running = asyncio.create_task(second.run())
        last = -1 if tally.last_sequence is None else tally.last_sequence
        for each in packets:
            if each.arrived < killed and int.from_bytes(each.data[2:4]) > last:
                second.take(each.data, killed)
        await bring(second, killed, 7.0)
        second.end()
        await running
        stream = await house.arrivals.tail(first.line.part_id, ALICE, 1_000_000)
        numbers = [int.from_bytes(one.packet[1:3]) for one in written(stream) if len(one.packet) > 2]
        assert numbers == sorted(set(numbers))
        assert second.tally.packets == len(numbers)
        assert second.tally.last_sequence == 1000 + numbers[-1]
        assert second.tally.seconds == pytest.approx(6.0, abs=0.5)

    HurriedLoop.runs(play())


@pytest.mark.parametrize("is_sent_again", [True, False])
@pytest.mark.parametrize(("noted", "killed"), [(0.0, 1.9), (1.3, 3.4), (2.9, 3.1)])
def test_so_it_is_where_the_next_process_dies_at_once(noted: float, killed: float, *, is_sent_again: bool) -> None:
    """What it counted had no number yet, and the bridge sends it once more."""

    async def play() -> None:
        house = Interior()
        side = await recording(house, house.arrivals)
        packets = list(Sender().send([bytes([0xF8]) + number.to_bytes(2) * 30 for number in range(300)]))
        zero, tallies = asyncio.get_running_loop().time(), list[Tally]()

        async def bring(after: float, until: float) -> None:
            for each in (one for one in packets if after <= one.arrived < until):
                await asyncio.sleep(max(0.0, zero + each.arrived - asyncio.get_running_loop().time()))
                side.take(each.data, each.arrived)

        def again(last: int | None) -> None:
            for each in packets:
                if each.arrived < killed and int.from_bytes(each.data[2:4]) > (last or -1):
                    side.take(each.data, killed)

        running = asyncio.create_task(side.run())
        await bring(0.0, noted)
        tallies.append(side.tally)
        await bring(noted, killed)
        for sends in (is_sent_again, True):
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            side = replace(side, line=replace(side.line, tally=tallies[-1]))
            running = asyncio.create_task(side.run())
            if sends:
                again(tallies[-1].last_sequence)
            await asyncio.sleep(0.3)
            tallies.append(side.tally)
        await bring(killed, 7.0)
        side.end()
        await running
        stream = await house.arrivals.tail(side.line.part_id, ALICE, 1_000_000)
        numbers = [int.from_bytes(one.packet[1:3]) for one in written(stream) if len(one.packet) > 2]
        assert numbers == sorted(set(numbers))
        assert side.tally.packets == len(numbers) == 300 - side.tally.skipped
        assert side.tally.last_sequence == 1299

    HurriedLoop.runs(play())


@pytest.mark.parametrize("noted", [0.0, 1.3, 3.0])
def test_where_nobody_comes_back_what_is_kept_is_counted_as_the_call_ends(noted: float) -> None:
    async def play() -> None:
        house = Interior()
        call = await house.calls.begin(await house.session(), Q1, ALICE, {LEFT: Wanted()})
        line, clock = call.lines[LEFT], asyncio.get_running_loop().time
        side = SideRecording(arrivals=house.arrivals, viewer=ALICE, line=line, clock=clock, buffer_seconds=0.2)
        running = asyncio.create_task(side.run())
        packets = list(Sender().send([bytes([0xF8]) + number.to_bytes(2) * 30 for number in range(175)]))
        tally = side.tally
        for each in packets:
            tally = side.tally if each.arrived <= noted else tally
            side.take(each.data, each.arrived)
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        stream = await house.arrivals.tail(line.part_id, ALICE, 1_000_000)
        packets_kept = sum(len(one.packet) > 2 for one in written(stream))
        await house.call_records.note(call.id, {LEFT: tally}, is_heard=True)
        ending = await house.call_records.end(call.id)
        assert ending is not None
        for _ in range(2):
            ended = await house.ending.conclude(ending)
        counted = ended.lines[LEFT].tally
        assert counted.packets == packets_kept > 100
        assert counted.seconds == pytest.approx(packets_kept * 0.02)

    HurriedLoop.runs(play())
