from dataclasses import replace

import pytest

from services.adapters.mongo.parts import MOST_AT_ONCE
from services.errors import KeyringUnavailable
from services.interviews.model import Answer, Failure, Part, PartId, PartState, SessionId, Status
from services.operations.sweep import PUT_OFF_SECONDS, RINGS_AT_ONCE
from services.recordings.ports.audio import Deletion
from services.transcription.ports import Recording, Speech
from tests.fakes.workers import FakeDoorbell
from tests.in_memory import ALICE, Q1, Q2, Interior, incoming

SPEAKER = PartId("who speaks")


async def test_a_silent_worker_loses_its_part_and_another_does_it() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    house.doorbell.to_transcribe.clear()
    await house.claims.claim(part.id, "dead")
    house.memory.clock.advance(61)
    counts = await house.sweep.run(24)
    assert counts.reclaimed == 1
    assert house.doorbell.to_transcribe == [part.id]
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.COMPLETED


async def test_a_part_whose_workers_always_die_fails_after_its_last_delivery() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    for _ in range(house.memory.terms.max_deliveries):
        assert await house.claims.claim(part.id, "doomed")
        house.memory.clock.advance(61)
        await house.sweep.run(24)
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert answer.status is Status.FAILED
    assert answer.failure is not None
    assert answer.failure.code == "worker_lost"


async def test_an_upload_whose_process_died_leaves_nothing() -> None:
    house = Interior()
    id = await house.session()
    house.uploads.abort = _dies  # type: ignore[method-assign,assignment]
    with pytest.raises(RuntimeError):
        await house.intake.receive(id, Q1, ALICE, incoming(b"abc", then=RuntimeError()))
    assert house.memory.chunks
    house.memory.clock.advance(120)
    assert (await house.sweep.run(24)).abandoned == 1
    assert not house.memory.chunks


async def _dies(*_: object) -> Part | None:
    raise TimeoutError


async def test_a_part_that_ended_without_being_closed_is_closed() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    claimed = await house.claims.claim(part.id, "w")
    assert claimed is not None
    transcript = await house.ears.transcribe(_speech())
    await house.claims.complete(part.id, claimed.fence, transcript)
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is not Status.COMPLETED
    house.memory.clock.advance(30)
    counts = await house.sweep.run(24)
    assert (counts.closed, counts.scored) == (1, 1)
    assert not house.memory.files
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.COMPLETED


async def test_rings_do_not_pile_up() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id)
    for _ in range(20):
        house.memory.clock.advance(60)
        await house.sweep.run(24)
    assert len(house.doorbell.to_transcribe) == 1


async def test_in_a_long_queue_a_lost_ring_is_rung_again_and_rings_do_not_pile_up() -> None:
    house = Interior()
    parts = [await house.upload(await house.session()) for _ in range(RINGS_AT_ONCE + 1)]
    rings = house.doorbell.to_transcribe
    rings.remove(parts[0].id)
    house.memory.clock.advance(60)
    assert (await house.sweep.run(24)).rung == 1
    assert rings[-1] == parts[0].id
    assert len(rings) == RINGS_AT_ONCE + 1


async def test_in_a_long_queue_each_pass_rings_for_another_one() -> None:
    house = Interior()
    parts = [await house.upload(await house.session()) for _ in range(RINGS_AT_ONCE + 1)]
    house.memory.clock.advance(60)
    rung = len(house.doorbell.to_transcribe)
    for _ in range(20):
        await house.sweep.run(24)
        house.memory.clock.advance(5)
    again = house.doorbell.to_transcribe[rung:]
    assert again == [part.id for part in parts[:20]]


async def test_a_flushed_broker_is_rung_again() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    house.doorbell.to_transcribe.clear()
    house.memory.clock.advance(60)
    assert (await house.sweep.run(24)).rung == 1
    assert house.doorbell.to_transcribe == [part.id]


async def test_a_finish_that_needs_keys_which_are_away_holds_nothing_else_up() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    house.doorbell.to_transcribe.clear()
    house.memory.clock.advance(60)
    asked = list[PartId]()

    async def no_keyring(id: PartId) -> None:
        asked.append(id)
        raise KeyringUnavailable

    async def unfinished() -> list[PartId]:
        return [PartId("e" * 24), PartId("f" * 24)]

    house.sweep.upkeep.unfinished = unfinished  # type: ignore[method-assign]
    house.sweep.upkeep.is_needed = lambda _: unfinished()  # type: ignore[method-assign, assignment, return-value]
    counts = await replace(house.sweep, finish=no_keyring).run(24)
    assert (len(asked), counts.finished, counts.rung) == (2, 0, 1)
    assert house.doorbell.to_transcribe == [part.id]


async def test_stray_audio_goes_and_what_is_needed_stays() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    house.memory.files[PartId("f" * 24)] = {}
    house.memory.chunks[PartId("e" * 24)] = [b"x"]
    counts = await house.sweep.audit()
    assert (counts.stray_files, counts.stray_chunks) == (1, 1)
    assert list(house.memory.files) == list(house.memory.chunks) == [part.id]


async def test_an_upload_that_arrives_keeps_its_chunks() -> None:
    house = Interior()
    house.memory.chunks[PartId("a" * 24)] = [b"x"]
    part = await house.upload(await house.session())
    house.memory.rows[part.id].part = _arriving(house, part.id)
    del house.memory.files[part.id]
    await house.sweep.audit()
    assert list(house.memory.chunks) == [part.id]


async def test_a_record_that_cannot_be_closed_does_not_hold_the_others_up() -> None:
    house = Interior()
    id = await house.session()
    broken, sound = await house.upload(id, Q1), await house.upload(id, Q2)
    for part in (broken, sound):
        claimed = await house.claims.claim(part.id, "w")
        assert claimed is not None
        await house.claims.complete(part.id, claimed.fence, await house.ears.transcribe(_speech()))
    delete = house.audio.delete

    async def fails(id: PartId) -> Deletion:
        if id == broken.id:
            raise ValueError(id)
        return await delete(id)

    house.audio.delete = fails  # type: ignore[method-assign]
    house.memory.clock.advance(30)
    counts = await house.sweep.run(24)
    assert (counts.closed, counts.undone) == (1, 1)
    assert list(house.memory.files) == [broken.id]
    assert house.memory.rows[sound.id].settled


async def test_hundreds_of_records_that_cannot_be_closed_do_not_hold_the_others_up() -> None:
    house = Interior()
    parts = [await house.upload(await house.session()) for _ in range(MOST_AT_ONCE + 1)]
    for part in parts:
        assert await house.interventions.fail(part.id, Failure("code", "It was ended."))
        house.memory.clock.advance(1)
    show = house.sessions.show
    *broken, sound = parts

    async def fails(session_id: SessionId, answer: Answer) -> bool:
        if answer.part_id != sound.id:
            raise ValueError(answer.part_id)
        return await show(session_id, answer)

    house.sessions.show = fails  # type: ignore[method-assign]
    house.memory.clock.advance(30)
    assert [(await house.sweep.run(24)).closed for _ in range(3)] == [0, 1, 0]
    house.sessions.show = show  # type: ignore[method-assign]
    house.memory.clock.advance(PUT_OFF_SECONDS + 1)
    assert (await house.sweep.run(24)).closed == len(broken)


async def test_a_stray_that_cannot_be_deleted_does_not_hold_the_others_up() -> None:
    house = Interior()
    broken, sound = PartId("e" * 24), PartId("f" * 24)
    house.memory.files |= {broken: {}, sound: {}}
    delete = house.audio.delete

    async def fails(id: PartId) -> Deletion:
        if id == broken:
            raise ValueError(id)
        return await delete(id)

    house.audio.delete = fails  # type: ignore[method-assign]
    counts = await house.sweep.audit()
    assert (counts.stray_files, counts.undone) == (1, 1)
    assert list(house.memory.files) == [broken]


async def test_a_second_sweep_finds_nothing_to_do() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    await house.claims.claim(part.id, "dead")
    house.memory.clock.advance(61)
    house.doorbell.to_transcribe.clear()
    await house.sweep.run(24)
    assert not any((await house.sweep.run(24)).as_dict().values())


def _arriving(house: Interior, id: PartId) -> Part:
    return replace(house.part(id), state=PartState.UPLOADING)


def _speech() -> Speech:
    return Speech(Recording(b"", 0.0), [])


async def test_uploads_come_to_their_turn_however_many_speak() -> None:
    """A worker hears a ring a second, and in each second somebody who speaks rings: uploads have one turn in six."""
    house, bell = Interior(), FakeDoorbell()
    parts = [await house.upload(await house.session()) for _ in range(RINGS_AT_ONCE + 1)]
    house.doorbell, later, done = bell, [part.id for part in parts], list[PartId]()
    first = bell.first
    house.memory.clock.advance(60)
    for second in range(300):
        first.append(SPEAKER)
        if second % 5 == 0:
            bell.to_transcribe = [*first, *later]
            await house.sweep.run(24)
        heard = (first or later).pop(0)
        done += [heard] if heard != SPEAKER else []
        house.memory.clock.advance(1)
    assert len(done) >= 300 // 6
    assert done == [part.id for part in parts[: len(done)]], "who has waited longest is next"
