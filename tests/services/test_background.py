"""Work beside requests and jobs goes on after what ends it, and says so; each kind of it is ended once here."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from app import main
from app.keys import KeyStore
from app.worker_heartbeat import Signs
from services.access.idempotency import Idempotency
from services.access.ports import Hold, Keyed
from services.adapters.mongo.sealing import Sealing
from services.adapters.redis_channels import RedisHints, RedisTestListener
from services.background import CALM_SECONDS, FIRST_SECONDS, MOST_SECONDS, Background, Kind
from services.calls.model import RtpReceiver
from services.calls.reception import Reception
from services.errors import StoreUnavailable
from services.events.model import EventType
from services.events.streaming import EventStreams
from services.interviews.model import PartId, PartState, SessionId
from services.operations.epochs import Epochs
from services.recordings.upload_heartbeats import UploadHeartbeats
from services.transcription.interim import InterimReading
from services.transcription.microphone_tests import Heard, Sound
from services.webhooks.dispatch import Dispatch
from services.webhooks.ports import DeliveryState, WebhookId
from tests.fakes.hints import FakeHints
from tests.fakes.keyring import FakeEpochs, FakeKeyring
from tests.fakes.sessions import FakeEvents
from tests.in_memory import ALICE, Interior
from tests.services.transcription.test_interim import Bench
from tests.virtual_time import HurriedLoop

Blow = Exception | asyncio.CancelledError
BLOWS: list[Callable[[], Blow]] = [lambda: RuntimeError("broken"), asyncio.CancelledError]
KEYED = Keyed(user_id=ALICE.user_id, key="k", path="POST /x", fingerprint="5ha")


@pytest.fixture
def loop() -> Iterator[HurriedLoop]:
    loop = HurriedLoop()
    yield loop
    loop.close_all()


def struck_once(holder: Any, method: str, blow: Blow) -> list[int]:
    """Have the first call of a method end so; the calls, as they come."""
    calls: list[int] = []
    sound = getattr(holder, method)

    async def struck(*arguments: Any, **named: Any) -> Any:
        calls.append(len(calls))
        if len(calls) == 1:
            raise blow
        return await sound(*arguments, **named)

    setattr(holder, method, struck)
    return calls


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(300):
        while not done():
            await asyncio.sleep(0.1)


class NobodyHere:
    """A worker that listens to no test."""

    def room(self) -> AbstractAsyncContextManager[bool]:
        raise NotImplementedError

    async def hear(self, sound: Sound) -> Heard:
        raise NotImplementedError


@dataclass
class Scene:
    """A house whose background work is struck, one kind of it."""

    blow: Blow
    monkeypatch: pytest.MonkeyPatch
    house: Interior = field(default_factory=Interior)
    background: Background = field(default_factory=Background)

    async def indexes(self) -> None:
        made: list[object] = []

        async def ensure_indexes(database: object) -> None:
            made.append(database)

        self.monkeypatch.setattr(main, "ensure_indexes", ensure_indexes)
        calls = struck_once(main, "ensure_indexes", self.blow)
        await self.background.start(Kind.INDEXES, lambda: main._index({"db": "db"}, "db"))  # type: ignore[arg-type]
        assert (len(calls), made) == (2, ["db"])

    def _push(self) -> tuple[EventStreams, FakeEvents, FakeHints]:
        events, hints = FakeEvents(self.house.memory), FakeHints()
        return EventStreams(events=events, hints=hints, background=self.background), events, hints

    async def hints(self) -> None:
        streams, _, hints = self._push()
        struck_once(hints, "listen", self.blow)
        running = asyncio.create_task(streams.run())
        await until(lambda: hints.ears)
        running.cancel()

    async def looks(self) -> None:
        streams, events, _ = self._push()
        id = await self.house.session()
        calls = struck_once(events, "cursors", self.blow)
        running = asyncio.create_task(streams.run())
        async with streams.open(id, None, ALICE):
            await until(lambda: len(calls) > 2)
        running.cancel()

    async def news(self) -> None:
        streams, events, _ = self._push()
        id = await self.house.session()
        async with streams.open(id, None, ALICE) as listening:
            await listening.news(1)
            await self.house.upload(id)
            struck_once(events, "after", self.blow)
            streams.heard(id)
            assert (await listening.news(60)).events[0].type is EventType.QUEUED

    async def touches(self) -> None:
        calls = struck_once(self.house.uploads, "touch", self.blow)
        heartbeats = UploadHeartbeats(uploads=self.house.uploads, seconds=10.0, background=self.background)
        with heartbeats.one(PartId("a")):
            await until(lambda: len(calls) > 2)

    async def holds(self) -> None:
        calls = struck_once(self.house.idempotency_keys, "beat", self.blow)
        idempotency = Idempotency(
            idempotency_keys=self.house.idempotency_keys, recover=self.house.intake.recover, background=self.background
        )
        hold = await idempotency.begin(KEYED)
        assert isinstance(hold, Hold)
        async with idempotency.holding(hold):
            await until(lambda: len(calls) > 2)

    async def announcements(self) -> None:
        hints = RedisHints("redis://127.0.0.1:1/0", "channel", self.background)
        sent: list[SessionId] = []

        async def send(client: object, ids: list[SessionId]) -> None:
            sent.extend(ids)

        self.monkeypatch.setattr(hints, "_send", send)
        struck_once(hints, "_send", self.blow)
        hints.announce(SessionId("s1"))
        await asyncio.sleep(0)
        hints.announce(SessionId("s2"))
        await until(lambda: "s2" in sent)

    async def signs(self) -> None:
        given: list[float] = []

        async def give() -> None:
            given.append(asyncio.get_running_loop().time())
            if len(given) == 2:
                raise self.blow

        signs = Signs(give, 60.0, self.background)
        await signs.begin()
        await until(lambda: len(given) > 3)
        signs.end()

    async def heartbeats(self) -> None:
        part = await self.house.upload(await self.house.session())
        calls = struck_once(self.house.claims, "beat", self.blow)
        self.house.ears.hold.clear()
        worker = self.house.worker(lease_seconds=60.0, deadline_seconds=600.0, background=self.background)
        working = asyncio.create_task(worker.run(part.id))
        await until(lambda: len(calls) > 3)
        self.house.ears.hold.set()
        await working
        assert self.house.part(part.id).state is PartState.COMPLETED
        assert self.house.part(part.id).deliveries == 1

    async def microphone_tests(self) -> None:
        listener = RedisTestListener("redis://127.0.0.1:1/0", "channel", NobodyHere())
        served = asyncio.Event()

        async def serve(client: object) -> None:
            served.set()
            await asyncio.Event().wait()

        self.monkeypatch.setattr(listener, "_serve", serve)
        struck_once(listener, "_serve", self.blow)
        serving = self.background.start(Kind.MICROPHONE_TESTS, listener.serve)
        await served.wait()
        serving.cancel()

    async def interim(self) -> None:
        """Of a worker, and of the API, which hears what workers say."""
        bench = Bench()
        struck_once(bench, "take", self.blow)
        bench.reading = InterimReading(
            find=bench._find, read=bench._read, texts=bench, turn=bench._turn, is_idle=lambda: True
        )
        running = self.background.start(Kind.INTERIM, bench.reading.run)
        for _ in range(2):
            bench.reading.grown(bench.arriving())
            await asyncio.sleep(2 * FIRST_SECONDS)
        running.cancel()
        assert len(bench.said) == 1

    async def keys(self) -> None:
        keyring, journal = FakeKeyring(self.house.memory.keyring), FakeEpochs(self.house.memory)
        calls = struck_once(journal, "identity", self.blow)
        epochs = Epochs(keyring=keyring, journal=journal, is_sealing=True, most_seconds=86_400.0, grace_seconds=3600.0)
        await self.background.start(Kind.KEYS, KeyStore(Sealing(seals=True), epochs=epochs).begin)
        assert len(calls) > 1
        assert await keyring.newest() is not None

    async def receivers(self) -> None:
        receivers = self.house.receivers
        receiver = RtpReceiver(name="one", host="192.0.2.1", first=40_000, last=40_003)
        calls = struck_once(receivers, "seen", self.blow)
        reception = Reception(
            receiver=receiver,
            bridging=self.house.bridging,
            records=self.house.call_records,
            receivers=receivers,
            background=self.background,
        )
        running = asyncio.create_task(reception.run())
        await until(lambda: len(calls) > 2)
        running.cancel()
        assert await receivers.alive() == [receiver]

    async def erasures(self) -> None:
        id = await self.house.session()
        calls = struck_once(self.house.journal, "finish", self.blow)
        erasing = replace(self.house.erasing, background=self.background)
        erasure = await erasing.session(id, ALICE)
        await until(lambda: len(calls) > 1)
        assert (await erasing.get(erasure.id, ALICE)).is_done

    async def webhooks(self) -> None:
        house = self.house
        await house.webhooks.create(WebhookId("w1"), ALICE.user_id, "https://h.example/", tuple(EventType))
        await house.upload(await house.session())
        await house.work_off()
        struck_once(house.ledger, "claim", self.blow)
        sender = Dispatch(
            endpoints=house.endpoints,
            ledger=house.ledger,
            courier=house.courier,
            counters=house.counters,
            background=self.background,
        )
        sender.wake()
        await sender.rest()
        assert {row.state for row in house.ledger.rows.values()} == {DeliveryState.DELIVERED}


@pytest.mark.parametrize("blow", BLOWS, ids=["error", "stray-cancellation"])
@pytest.mark.parametrize("kind", Kind)
def test_what_is_struck_goes_on_and_says_so(
    kind: Kind, blow: Callable[[], Blow], loop: HurriedLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(blow(), monkeypatch)
    with capture_logs() as logs:
        loop.run_until_complete(getattr(scene, kind.value)())
    assert scene.background.kinds[kind].restarts == 1
    assert [line["task"] for line in logs if line["event"] == "background work broke off"] == [kind.value]


def test_the_waits_grow_up_to_a_bound_and_begin_anew_after_a_calm(loop: HurriedLoop) -> None:
    begun: list[float] = []

    async def work() -> None:
        begun.append(loop.time())
        if len(begun) == 12:
            await asyncio.sleep(CALM_SECONDS + 1)
        if len(begun) < 14:
            raise ValueError

    loop.run_until_complete(Background().keep(Kind.HINTS, work))
    waits = [after - before for before, after in pairwise(begun)]
    assert waits[:7] == pytest.approx([FIRST_SECONDS, 1, 2, 4, 8, 16, MOST_SECONDS])
    assert waits[10:] == pytest.approx([MOST_SECONDS, CALM_SECONDS + 1 + FIRST_SECONDS, 1])


def test_who_is_told_to_end_ends(loop: HurriedLoop) -> None:
    background = Background()

    async def scene() -> None:
        task = background.start(Kind.HINTS, asyncio.Event().wait)  # type: ignore[arg-type]
        await asyncio.sleep(1)
        assert [kind for kind, _ in background.running()] == [Kind.HINTS]
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    loop.run_until_complete(scene())
    assert (background.running(), background.kinds[Kind.HINTS].restarts) == ([], 0)


@pytest.mark.parametrize("trouble", [StoreUnavailable(), RuntimeError()])
def test_a_restart_that_cannot_be_counted_is_one_all_the_same(trouble: Exception, loop: HurriedLoop) -> None:
    counted: list[Kind] = []

    async def count(kind: Kind) -> None:
        counted.append(kind)
        raise trouble

    done: list[int] = []

    async def work() -> None:
        done.append(1)
        if len(done) == 1:
            raise ValueError

    loop.run_until_complete(Background(count=count).keep(Kind.NEWS, work))
    assert (len(done), counted) == (2, [Kind.NEWS])
