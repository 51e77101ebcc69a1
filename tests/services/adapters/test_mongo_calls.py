"""What stands around calls in MongoDB: figures, erasures, retention, ports."""

from dataclasses import replace
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.rtp_receivers import MongoRtpReceivers
from services.calls.model import Call, Line, RtpReceiver, Tally
from services.interviews.erasable import ErasureId, OfSession
from services.interviews.model import CallId, CallSide, PartId, SessionId
from services.operations.ports.retained import RecordKind
from services.operations.readings import Talking
from services.recordings.ports.audio import Deletion
from tests.rolling.scene import HEARD
from tests.services.adapters.stores import ANN, Q1, S1, Store, a_part, a_session, store_on_mongo

LEFT, RIGHT = CallSide.LEFT, CallSide.RIGHT
C1 = CallId("65f0000000000000000000c1")
RECEIVER = RtpReceiver(name="r1", host="127.0.0.1", first=40_001, last=40_015)
Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
def store(database: Database) -> Store:
    return store_on_mongo(database)


def a_call(id: CallId = C1, session: SessionId = S1, **tallies: Tally) -> Call:
    lines = {side: Line(part_id=PartId(f"{id[:-1]}{side.value[0]}")) for side in (LEFT, RIGHT)}
    lines = {side: replace(line, tally=tallies.get(side.value, Tally())) for side, line in lines.items()}
    return Call(id=id, session_id=session, question_id=Q1, user_id=ANN.user_id, take=1, lines=lines)


async def over(store: Store, call: Call) -> None:
    await store.calls.begin(call)
    await store.calls.start(call.id)
    await store.calls.end(call.id)
    assert await store.calls.ended(call.id)


async def test_the_figures_tell_what_goes_on_and_what_became_of_packets(database: Database, store: Store) -> None:
    await MongoRtpReceivers(database).seen(RECEIVER)
    left = Tally(packets=100, lost=3, late=1, odd={"version": 2, "short": 1}, jitter=0.004)
    right = Tally(packets=50, doubled=4, foreign=9, odd={"version": 1}, jitter=0.009)
    await store.calls.begin(replace(a_call(left=left, right=right), place=RECEIVER.place(40_002)))
    await store.passes(30)
    talking = (await store.gauges.read()).talking
    assert (talking.number, talking.with_ports, talking.receivers, talking.places) == (1, 1, 1, 3)
    assert talking.silent_seconds >= 30 and talking.jitter_seconds == 0.009
    await store.calls.end(C1)
    await store.passes(20)
    talking = (await store.gauges.read()).talking
    assert (talking.number, talking.ending) == (0, 1) and talking.ending_seconds >= 20
    await store.calls.ended(C1)
    await store.calls.ended(C1)
    reading = await store.gauges.read()
    assert replace(reading.talking, receivers=0, places=0) == Talking()
    assert reading.totals.calls == {"ended": 1, "aborted": 0}
    fates = {"kept": 150, "lost": 3, "late": 1, "doubled": 4, "foreign": 9, "odd": 4}
    assert reading.totals.packets == fates
    assert reading.totals.odd_packets == {"version": 3, "short": 1}


async def test_the_seconds_from_the_last_packet_to_the_transcript_are_counted_once(store: Store) -> None:
    await store.calls.begin(a_call(left=Tally(packets=50, last_arrived=2.0)))
    await store.calls.start(C1)
    await store.passes(12)
    part = replace(a_part(), call_id=C1, side=LEFT)
    await store.uploads.begin(part)
    await store.uploads.accept(part.id, "5ha", 7)
    claimed = await store.claims.claim(part.id, "w")
    assert claimed is not None
    done = await store.claims.complete(claimed.id, claimed.fence, HEARD)
    assert done is not None
    for _ in range(2):
        await store.closings.settle(done.id, done.rev, Deletion(1, 1, 0))
    talked = (await store.gauges.read()).totals.talked
    assert sum(talked.buckets) == 1 and 10 <= talked.sum < 60


async def test_the_right_side_is_not_to_be_scored(store: Store) -> None:
    part = replace(a_part(), call_id=C1, side=RIGHT)
    await store.uploads.begin(part)
    await store.uploads.accept(part.id, "5ha", 7)
    claimed = await store.claims.claim(part.id, "w")
    assert claimed is not None
    done = await store.claims.complete(claimed.id, claimed.fence, HEARD, scoring_seconds=1.0)
    assert done is not None and done.is_aside
    await store.passes(1000)
    assert await store.upkeep.unscored() == []


async def test_a_call_goes_with_its_session(store: Store) -> None:
    other = CallId("65f0000000000000000000c2")
    await store.calls.begin(a_call())
    await store.calls.begin(a_call(other, SessionId("s2")))
    subject = OfSession(erasure=ErasureId("s-s1"), session_id=S1, user_id=ANN.user_id)
    assert (await store.leftovers.found(subject))["calls"] == 1
    assert await store.leftovers.erase(subject) == 0
    assert await store.calls.get(C1) is None
    assert await store.calls.get(other) is not None


async def test_a_call_that_is_over_is_kept_as_long_as_recordings_are_unless_it_is_held(store: Store) -> None:
    held, open = CallId("65f0000000000000000000c2"), CallId("65f0000000000000000000c3")
    await store.sessions.create(a_session(SessionId("held")))
    await store.holds.place(SessionId("held"))
    await over(store, a_call())
    await over(store, a_call(held, SessionId("held")))
    await store.calls.begin(a_call(open))
    await store.retained.remove(RecordKind.RECORDINGS, 100, 10)
    assert await store.calls.get(C1) is not None
    await store.passes(200)
    await store.retained.remove(RecordKind.RECORDINGS, 100, 10)
    assert [await store.calls.get(id) is not None for id in (C1, held, open)] == [False, True, True]


async def test_places_are_given_in_turn_and_none_twice(database: Database, store: Store) -> None:
    receivers = MongoRtpReceivers(database)
    await receivers.seen(RECEIVER)
    assert await receivers.alive() == [RECEIVER]
    assert list(RECEIVER.places) == [40_002, 40_006, 40_010]
    firsts = [(await receivers.free(RECEIVER, 1))[0] for _ in range(3)]
    assert sorted(firsts) == list(RECEIVER.places)
    await store.calls.begin(replace(a_call(), place=RECEIVER.place(40_006)))
    assert sorted(await receivers.free(RECEIVER, 9)) == [40_002, 40_010]
    assert (await store.calls.at("r1", 40_006)) is not None
    await store.calls.abort(C1)
    assert len(await receivers.free(RECEIVER, 9)) == 3
    await receivers.gone("r1")
    assert await receivers.alive() == []
    assert await receivers.free(RECEIVER, 9) == []
