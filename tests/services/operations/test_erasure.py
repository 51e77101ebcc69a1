"""Erasing, beside everything that may be going on at that moment."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.access.ports import Keyed
from services.errors import ErasureNotFound, Forbidden, SessionErased, SessionHeld, SessionNotFound, UploadNotFound
from services.events.model import EventType
from services.interviews.model import SessionId, UserId
from services.operations.erasure import LAST_LOOK_SECONDS
from services.operations.ports.erasures import Cause, Erasure, State, Waits
from services.recordings.arrivals import Plan, Slice
from services.recordings.formats import Container
from services.recordings.ports.audio import Incoming
from services.webhooks.ports import Webhook, WebhookId
from tests.audio import arriving
from tests.in_memory import ADMIN, ALICE, BOB, Q1, Q2, Interior


async def settled(house: Interior) -> None:
    """What was begun beside the request comes to its end."""
    for _ in range(100):
        await asyncio.sleep(0)


async def erased(house: Interior, id: SessionId) -> Erasure:
    await house.erasing.session(id, ALICE)
    await settled(house)
    erasure = await house.journal.of_session(id)
    assert erasure is not None
    return erasure


def nothing_of(house: Interior, id: SessionId) -> bool:
    memory = house.memory
    rows = [row for row in memory.rows.values() if row.part.session_id == id]
    return not (rows or memory.files or memory.chunks or memory.sessions.get(id) or memory.events.get(id))


async def test_a_session_goes_with_all_that_belongs_to_it_and_its_owner_is_told() -> None:
    house = Interior()
    id = await house.session()
    wanted = (EventType.COMPLETED,)
    await house.endpoints.create(
        Webhook(id=WebhookId("w"), user_id=ALICE.user_id, url="https://x.example/", events=wanted, secrets=("s",))
    )
    await house.upload(id)
    await house.work_off()
    await house.upload(id, Q2)
    request = Keyed(user_id=ALICE.user_id, key="k", path=f"POST /api/analyze/{id}")
    await house.idempotency_keys.hold(request, "made")
    assert house.memory.deliveries
    erasure = await erased(house, id)
    assert erasure.state is State.DONE
    assert erasure.found == {"parts": 2, "files": 1, "chunks": 1, "deliveries": 1, "replays": 1}
    assert nothing_of(house, id)
    assert not (house.memory.deliveries or house.memory.idempotency_keys)
    with pytest.raises(SessionErased):
        await house.interviews.get(id, ALICE)
    with pytest.raises(SessionErased):
        await house.intake.number(id, Q1, ALICE)
    with pytest.raises(SessionErased):
        await house.analysis.run(id, ADMIN)
    with pytest.raises(SessionNotFound) as seen:
        await house.interviews.get(id, BOB)
    assert type(seen.value) is SessionNotFound


async def test_asking_again_changes_nothing_and_only_whom_it_concerns_may_look() -> None:
    house = Interior()
    id = await house.session()
    first = await erased(house, id)
    again = await house.erasing.session(id, ALICE)
    assert again == first and again.user_id is None
    assert (await house.erasing.get(first.id, ALICE)) == (await house.erasing.get(first.id, ADMIN)) == first
    with pytest.raises(ErasureNotFound):
        await house.erasing.get(first.id, BOB)
    with pytest.raises(SessionNotFound):
        await house.erasing.session(id, BOB)


async def test_an_upload_in_flight_is_ended_and_leaves_nothing() -> None:
    house = Interior(touch_seconds=0.01)
    id = await house.session()
    arrived, more = asyncio.Event(), asyncio.Event()

    async def data() -> AsyncIterator[bytes]:
        yield b"x" * 100
        arrived.set()
        while True:
            await more.wait()
            await asyncio.sleep(0.001)
            yield b"x" * 100

    large = Incoming(Container.WEBM, data(), announced=10_000_000)
    uploading = asyncio.create_task(house.intake.receive(id, Q1, ALICE, large))
    await arrived.wait()
    erasure = await erased(house, id)
    assert (erasure.state, erasure.waits) == (State.RUNNING, Waits.UPLOADS)
    more.set()
    with pytest.raises(SessionErased):
        await uploading
    assert nothing_of(house, id)
    house.memory.clock.advance(10)
    assert await house.erasing.drive_due() == 1


async def test_a_short_upload_that_was_read_before_it_is_stored_leaves_nothing() -> None:
    house = Interior()
    id = await house.session()
    arrived, more = asyncio.Event(), asyncio.Event()

    async def data() -> AsyncIterator[bytes]:
        yield b"x" * 100
        arrived.set()
        await more.wait()

    uploading = asyncio.create_task(house.intake.receive(id, Q1, ALICE, Incoming(Container.WEBM, data())))
    await arrived.wait()
    assert (await erased(house, id)).is_done
    more.set()
    with pytest.raises(SessionErased):
        await uploading
    assert nothing_of(house, id)
    assert not house.doorbell.to_transcribe


async def test_an_upload_whose_process_died_is_waited_for_until_it_is_silent() -> None:
    house = Interior()
    id = await house.session()
    numbered = await house.intake.number(id, Q1, ALICE)
    await house.uploads.begin(numbered.part)
    house.memory.chunks[numbered.part.id] = [b"first"]
    await erased(house, id)
    house.memory.chunks[numbered.part.id] = [b"late"]
    house.memory.clock.advance(house.memory.terms.upload_silence_seconds - 10)
    assert await house.erasing.drive_due() == 0
    house.memory.chunks[numbered.part.id] = [b"later"]
    house.memory.clock.advance(10)
    assert await house.erasing.drive_due() == 1
    assert nothing_of(house, id)


async def test_a_take_that_was_numbered_before_and_arrives_afterwards_leaves_nothing() -> None:
    house = Interior()
    id = await house.session()
    numbered = await house.intake.number(id, Q1, ALICE)
    assert (await erased(house, id)).is_done

    async def data() -> AsyncIterator[bytes]:
        yield b"x" * 100

    with pytest.raises(SessionErased):
        await house.intake.take_in(numbered, Incoming(Container.WEBM, data()))
    assert nothing_of(house, id)
    await house.work_off()
    assert not house.ears.heard


async def test_a_worker_in_the_midst_of_it_writes_nothing_any_more() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    house.ears.hold.clear()
    working = asyncio.create_task(house.worker().run(part.id))
    while not house.ears.heard:
        await asyncio.sleep(0)
    assert (await erased(house, id)).is_done
    house.ears.hold.set()
    await working
    assert nothing_of(house, id)
    assert not house.memory.deliveries


async def test_a_scorer_in_the_midst_of_it_writes_nothing_any_more() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    claimed = await house.claims.claim(part.id, "w")
    assert claimed is not None
    assert (await erased(house, id)).is_done
    await house.scoring.run(part.id)
    await house.scoring.score(claimed, None)
    assert nothing_of(house, id)


async def test_what_comes_after_the_end_is_found_by_the_last_look() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    row = house.memory.rows[part.id]
    assert (await erased(house, id)).is_done
    house.memory.rows[part.id] = row
    house.memory.clock.advance(LAST_LOOK_SECONDS)
    assert await house.erasing.drive_due() == 0
    assert nothing_of(house, id)
    house.memory.clock.advance(10 * LAST_LOOK_SECONDS)
    assert await house.journal.due(10) == []


async def test_a_hold_stands_in_the_way_and_a_refused_wish_is_not_kept() -> None:
    house = Interior()
    id = await house.session()
    house.memory.held.add(id)
    with pytest.raises(SessionHeld):
        await house.erasing.session(id, ALICE)
    assert (await house.interviews.get(id, ALICE)).id == id
    assert await house.journal.of_session(id) is None
    house.memory.held.clear()
    assert (await erased(house, id)).is_done


async def test_all_of_a_user_goes_and_what_is_held_goes_once_that_is_lifted() -> None:
    house = Interior()
    ids = [await house.session() for _ in range(3)]
    others = await house.session(BOB)
    house.memory.held.add(ids[0])
    asked = await house.erasing.user(ALICE.user_id, ALICE)
    assert (await house.erasing.user(ALICE.user_id, ADMIN)).id == asked.id
    await settled(house)
    now = await house.erasing.get(asked.id, ALICE)
    assert (now.state, now.waits) == (State.RUNNING, Waits.HOLD)
    assert list(house.memory.sessions) == [ids[0], others]
    house.memory.held.clear()
    for _ in range(3):
        house.memory.clock.advance(60)
        await house.erasing.drive_due()
    done = await house.erasing.get(asked.id, ALICE)
    assert (done.state, done.user_id, done.session_id) == (State.DONE, None, None)
    assert list(house.memory.sessions) == [others]
    assert ALICE.user_id not in repr(house.memory.erased)


async def test_nobody_erases_another() -> None:
    house = Interior()
    with pytest.raises(Forbidden):
        await house.erasing.user(UserId("bob"), ALICE)


async def test_an_operators_deed_is_noted_without_whom_it_was_about() -> None:
    house = Interior()
    id = await house.session()
    await house.erasing.session(id, ADMIN, "r")
    await house.erasing.user(ALICE.user_id, ADMIN, "r")
    deeds = [entry.deed for entry in await house.audit_log.page(None, 10)]
    assert [(deed.action, deed.who) for deed in deeds] == [("erase", "root")] * 2
    assert {str(deed.on.get("session_id")) for deed in deeds} == {id, "None"}
    assert ALICE.user_id not in repr(deeds)


async def test_who_wants_to_know_is_told_what_was_found_until_that_is_known() -> None:
    house, told = Interior(), []
    trouble: list[Exception] = [RuntimeError()]

    async def emit(erasure: Erasure) -> None:
        if trouble:
            raise trouble.pop()
        told.append(erasure)

    id = await house.session()
    await house.upload(id)
    erasing = replace(house.erasing, emit=emit)
    assert await house.journal.begin_session(id, Cause.OWNER)
    sweep = replace(house.sweep, erasing=erasing)
    counts = await sweep.run(24)
    assert (counts.erased, counts.undone) == (0, 1)
    assert told == []
    counts = await sweep.run(24)
    assert (counts.erased, counts.undone) == (1, 0)
    assert [(one.state, one.found["parts"], one.user_id) for one in told] == [(State.DONE, 1, "alice")]


async def test_what_arrives_of_a_user_and_answers_nothing_yet_goes_with_him() -> None:
    house = Interior()
    arrivals, plan = house.arrivals, Plan("file", key="file:a-name")
    own, other = await arrivals.begin_unplaced(ALICE, plan), await arrivals.begin_unplaced(BOB, plan)
    for arrival, viewer in ((own, ALICE), (other, BOB)):
        await arrivals.put(arrival.part.id, viewer, Slice(0), arriving(b"\x1a\x45\xdf\xa3" + bytes(500)))
    await house.erasing.user(ALICE.user_id, ALICE)
    await settled(house)
    house.memory.clock.advance(house.memory.terms.upload_silence_seconds + 1)
    await house.erasing.drive_due()
    assert own.part.id not in house.memory.rows
    assert not house.memory.pieces.get(own.part.id) and not house.memory.slices.get(own.part.id)
    assert (await arrivals.find(other.part.id, BOB)).offset == 504
    with pytest.raises(UploadNotFound):
        await arrivals.find(own.part.id, ALICE)
