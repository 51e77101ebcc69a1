"""Calls as RTP over UDP: real sockets on loopback, a real database, and what goes wrong on the way."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from pymongo.asynchronous.database import AsyncDatabase

from app import rtp
from app.config import Settings
from app.container import Wiring, wire
from services.calls.calls import Wanted
from services.calls.model import Call, CallHeard, CallState, Tally
from services.interviews.model import CallSide, PartState, Question, Session, UserId, Viewer, new_session_id
from tests.calls.live import LEFT, RIGHT, sent, spoken
from tests.calls.sender import rtp as packet
from tests.calls.sound import decoded
from tests.calls.udp_ports import free_ports
from tests.services.adapters.stores import Q1

ANN = Viewer(UserId("ann"))
BOTH = {LEFT: Wanted(), RIGHT: Wanted()}


@dataclass
class Line:
    """A sender of one side."""

    host: str
    port: int

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def send(self, data: bytes, beyond: int = 0) -> None:
        self.socket.sendto(data, (self.host, self.port + beyond))


class World:
    """Two processes on one database: one that answers requests, one that takes in RTP."""

    def __init__(self, settings: Settings, database: AsyncDatabase[dict[str, Any]]) -> None:
        self.settings, self.database = settings, database
        self.api: Wiring = wire(settings, database, Celery(broker="memory://"))
        self._stopped: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._stopped = asyncio.Event()
        self._running = asyncio.create_task(rtp.run(self.settings, self._stopped))
        async with asyncio.timeout(30):
            while not await self.api.calls.receivers.alive():
                assert not self._running.done(), self._running.exception()
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._running is not None and self._stopped is not None:
            self._stopped.set()
            await self._running

    async def call(self, sides: dict[CallSide, Wanted] | None = None) -> tuple[Call, dict[CallSide, Line]]:
        id = new_session_id()
        await self.api.sessions.create(Session(id=id, user_id=ANN.user_id, questions=(Question(id=Q1, text="?"),)))
        call = await self.api.calls.begin(id, Q1, ANN, sides or BOTH, wants_rtp=True)
        assert call.place is not None
        return call, {side: Line(call.place.host, call.place.port(side)) for side in call.lines}

    async def begun(self, call: Call) -> None:
        """Its first packet is taken in."""
        async with asyncio.timeout(30):
            while (await self.api.calls.look(call.id, ANN)).call.begun_at is None:
                await asyncio.sleep(0.05)

    async def until(self, call: Call, side: CallSide, packets: int) -> CallHeard:
        """So many packets of a side are kept."""
        async with asyncio.timeout(30):
            while True:
                heard = await self.api.calls.look(call.id, ANN)
                if heard.sides[side].line.tally.packets >= packets:
                    return heard
                await asyncio.sleep(0.05)

    async def over(self, call: Call) -> CallHeard:
        await self.api.calls.end(call.id, ANN)
        async with asyncio.timeout(30):
            while (heard := await self.api.calls.look(call.id, ANN)).call.state is not CallState.ENDED:
                await asyncio.sleep(0.05)
        return heard

    async def stored(self, heard: CallHeard, side: CallSide) -> bytes:
        return b"".join([piece async for piece in self.api.audio.read(heard.sides[side].line.part_id)])


def sounds(tally: Tally) -> int:
    """How many came in time: of those that come sooner than they were spoken some are left out, to be in step."""
    return tally.packets + tally.skipped


@pytest.fixture
async def world(database: AsyncDatabase[dict[str, Any]], mongodb_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(database, mongodb_url, tmp_path, 16) as world:
        yield world


@asynccontextmanager
async def world_of(
    database: AsyncDatabase[dict[str, Any]], url: str, folder: Path, ports: int, kind: type["World"] | None = None
) -> AsyncIterator[World]:
    first, last = free_ports(ports)
    settings = Settings.told(
        {
            "MONGODB_URL": url,
            "MONGODB_DATABASE": database.name,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "KEYRING_DIR": str(folder),
            "ENCRYPT_RECORDINGS": "0",
            "RTP_PORTS": f"{first}-{last}",
        }
    )
    world = (kind or World)(settings, database)
    await world.start()
    yield world
    await world.stop()
    await world.api.close()


async def paced(lines: dict[CallSide, Line], seconds: float, faster: float = 1.0) -> None:
    """Both sides speak, in real time or faster."""
    loop = asyncio.get_running_loop()
    zero = loop.time()
    packets = [(each.arrived, side, each.data) for side in lines for each in sent(seconds, ssrc=len(side.value))]
    for at, side, data in sorted(packets):
        await asyncio.sleep(max(0.0, zero + at / faster - loop.time()))
        lines[side].send(data)


async def test_both_sides_are_taken_in_and_kept_in_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.calls.reception.MOST_HELD", 200)  # however long their call is looked for
    call, lines = await world.call()
    await paced(lines, 2.0)
    for side in (LEFT, RIGHT):
        await world.until(call, side, 40)
    heard = await world.over(call)
    for side in (LEFT, RIGHT):
        line = heard.sides[side].line
        assert (sounds(line.tally), line.tally.lost) == (100, 0)
        assert line.source == f"127.0.0.1 {lines[side].socket.getsockname()[1]}"
        assert len(decoded(await world.stored(heard, side))) / 48_000 == pytest.approx(2.0, abs=0.15)
    parts = [heard.sides[side].part for side in (LEFT, RIGHT)]
    assert [part and part.state for part in parts] == [PartState.QUEUED, PartState.QUEUED]


async def test_who_is_not_the_first_is_counted_and_not_heard(world: World) -> None:
    call, lines = await world.call()
    assert call.place is not None
    stranger = Line(call.place.host, call.place.left)
    own = sent(1.0)
    lines[LEFT].send(own[0].data)
    await world.begun(call)
    for each in own[1:]:
        stranger.send(packet(spoken(1.0)[0], 7, 7, ssrc=99))
        lines[LEFT].send(each.data)
        await asyncio.sleep(0.01)
    await world.until(call, LEFT, 30)
    heard = await world.over(call)
    tally = heard.sides[LEFT].line.tally
    assert (sounds(tally), tally.foreign) == (50, 49)


async def test_rubbish_latches_nobody_and_reports_come_to_either_port(world: World) -> None:
    call, lines = await world.call({LEFT: Wanted(payload_type=111)})
    assert call.place is not None
    stranger = Line(call.place.host, call.place.left)
    for rubbish in (b"", b"x", bytes(100), packet(b"\x00" * 20, 1, 1, payload_type=0)):
        stranger.send(rubbish)
    from tests.calls.sender import sender_report

    for each in sent(1.0):
        lines[LEFT].send(each.data)
        await asyncio.sleep(0.01)
    lines[LEFT].send(sender_report(1.0, 50_000))
    lines[LEFT].send(sender_report(1.0, 50_000), beyond=1)
    await world.until(call, LEFT, 30)
    heard = await world.over(call)
    assert sounds(heard.sides[LEFT].line.tally) == 50
    assert heard.sides[LEFT].line.source == f"127.0.0.1 {lines[LEFT].socket.getsockname()[1]}"


async def test_a_process_that_is_stopped_loses_nothing_and_the_next_one_goes_on(world: World) -> None:
    call, lines = await world.call({LEFT: Wanted()})
    packets = sent(6.0)
    for each in packets[:150]:
        lines[LEFT].send(each.data)
        await asyncio.sleep(0.02)
    before = (await world.until(call, LEFT, 70)).sides[LEFT].line
    await world.stop()
    await world.start()
    for each in packets[150:]:
        lines[LEFT].send(each.data)
        await asyncio.sleep(0.02)
    await world.until(call, LEFT, 220)
    heard = await world.over(call)
    line = heard.sides[LEFT].line
    assert sounds(line.tally) == 300
    assert line.source == before.source
    assert len(decoded(await world.stored(heard, LEFT))) / 48_000 >= 5.9


async def test_who_is_stopped_in_order_keeps_what_has_come(world: World) -> None:
    call, lines = await world.call({LEFT: Wanted()})
    await paced(lines, 2.0)
    await world.until(call, LEFT, 40)
    await world.stop()
    assert await world.api.calls.receivers.alive() == []
    before = (await world.api.calls.look(call.id, ANN)).sides[LEFT].line.tally
    assert before.packets >= 40
    await world.start()


async def test_ports_that_are_all_taken_leave_the_socket(world: World) -> None:
    calls = [(await world.call())[0] for _ in range(4)]
    assert len({call.place for call in calls}) == 4
    id = new_session_id()
    await world.api.sessions.create(Session(id=id, user_id=ANN.user_id, questions=(Question(id=Q1, text="?"),)))
    assert (await world.api.calls.begin(id, Q1, ANN, BOTH, wants_rtp=True)).place is None
    await world.api.calls.abort(calls[0].id, ANN)
    again = await world.api.calls.begin(id, Q1, ANN, BOTH, wants_rtp=True)
    assert again.place == calls[0].place


async def test_a_flood_of_rubbish_hurts_no_other_call(world: World) -> None:
    call, lines = await world.call({LEFT: Wanted()})
    other, others = await world.call({LEFT: Wanted()})
    assert other.place is not None
    for each in sent(1.0)[:2]:
        others[LEFT].send(each.data)
    await world.begun(other)
    stranger = Line(other.place.host, other.place.left)
    rubbish, like_rtp = bytes(200), packet(bytes(160), 1, 1, ssrc=77)
    flooding = True

    async def flood() -> int:
        count = 0
        while flooding:
            for _ in range(50):
                with suppress(BlockingIOError):
                    stranger.send(rubbish if count % 2 else like_rtp)
                count += 1
            await asyncio.sleep(0.005)
        return count

    flooded = asyncio.create_task(flood())
    await paced(lines, 2.0)
    await world.until(call, LEFT, 40)
    flooding = False
    assert await flooded > 500
    heard = await world.over(call)
    assert (sounds(heard.sides[LEFT].line.tally), heard.sides[LEFT].line.tally.lost) == (100, 0)
    seen = await world.over(other)
    assert seen.sides[LEFT].line.tally.foreign > 0


@pytest.mark.parametrize(
    "ports", ["none", "1-2", "40000-40003x", "40000-40002", "40001-40004", "70000-70100", "2000-60000"]
)
def test_ports_that_cannot_be_are_said_in_a_sentence(ports: str) -> None:
    with pytest.raises(ValueError, match=r"are (no ports|too few|too many)"):
        Settings.told({"RTP_PORTS": ports})


@pytest.mark.parametrize("ports", ["40000-40003", "40001-40005"])
def test_ports_for_one_call_are_enough(ports: str) -> None:
    assert len(rtp.receiver_of(Settings.told({"RTP_PORTS": ports})).places) == 1


@pytest.mark.parametrize("host", ["http://x", "10.0.0.1:40000", "256.1.1.1", "[::1]", "a..b", "-", "a" * 300])
@pytest.mark.parametrize("name", ["RTP_HOST", "RTP_BIND"])
def test_what_is_no_machine_is_said_before_anybody_is_sent_there(name: str, host: str) -> None:
    with pytest.raises(ValueError, match="is no address of a machine: write it like"):
        Settings.told({name: host})


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_senders_are_sent_to_one_machine(host: str) -> None:
    Settings.told({"RTP_BIND": host})
    with pytest.raises(ValueError, match="to which nothing can be sent"):
        Settings.told({"RTP_HOST": host})


@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::7", "rtp.example.com", "rtp_1", "edge-7.internal."])
def test_machines_have_addresses_or_names(host: str) -> None:
    settings = Settings.told({"RTP_HOST": host, "RTP_BIND": host})
    assert (settings.rtp_host, settings.rtp_bind) == (host, host)


def test_a_process_without_ports_says_what_to_set() -> None:
    with pytest.raises(SystemExit, match="RTP_PORTS"):
        rtp.receiver_of(Settings.told({}))


async def test_a_port_that_another_has_is_said_in_a_sentence(
    database: AsyncDatabase[dict[str, Any]], mongodb_url: str, tmp_path: Path, world: World
) -> None:
    settings = world.settings
    with pytest.raises(SystemExit, match="cannot be had"):
        await rtp.run(settings, asyncio.Event())
