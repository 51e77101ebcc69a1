import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from services.errors import QuestionNotFound, SessionNotFound, StoreUnavailable, TakeSuperseded, UploadTruncated
from services.interview import Answer, Part, PartId, PartState, QuestionId, SessionId, Status
from services.ports import Stored
from tests.house import ADMIN, ALICE, BOB, Q1, Q2, Interior, incoming


async def test_a_recording_is_kept_queued_shown_and_rung_for() -> None:
    house = Interior()
    id = await house.session()
    part = await house.intake.receive(id, Q1, ALICE, incoming(b"abc", b"def"))
    assert part.state is PartState.QUEUED
    assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert part.bytes == 6
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.QUEUED
    assert house.doorbell.to_transcribe == [part.id]


async def test_the_file_says_whose_it_is() -> None:
    house = Interior()
    id = await house.session()
    part = await house.intake.receive(id, Q1, ADMIN, incoming(b"abc"))
    metadata = house.memory.files[part.id]
    assert (metadata["session_id"], metadata["question_id"], metadata["status"]) == (id, Q1, "queued")
    assert metadata["user_id"] == "alice"


async def test_a_lost_ring_loses_no_answer() -> None:
    house = Interior()
    id = await house.session()
    house.doorbell.broken = True
    part = await house.upload(id)
    house.doorbell.broken = False
    house.memory.clock.advance(60)
    await house.sweep.run(24)
    assert house.doorbell.to_transcribe == [part.id]


@pytest.mark.parametrize("then", [UploadTruncated(), StoreUnavailable(), RuntimeError("x"), asyncio.CancelledError()])
async def test_an_upload_that_breaks_off_leaves_nothing(then: BaseException) -> None:
    house = Interior()
    id = await house.session()
    with pytest.raises(type(then)):
        await house.intake.receive(id, Q1, ALICE, incoming(b"abc", then=then))
    assert not house.memory.files
    assert not house.memory.chunks
    assert [row.part.state for row in house.memory.rows.values()] == [PartState.ABORTED]
    assert Q1 not in (await house.sessions.get(id, ALICE)).answers


async def test_refused_before_the_body_is_read() -> None:
    house = Interior()
    id = await house.session()
    with pytest.raises(SessionNotFound):
        await house.intake.admit(id, Q1, BOB)
    with pytest.raises(SessionNotFound):
        await house.intake.admit(SessionId("nowhere"), Q1, ALICE)
    with pytest.raises(QuestionNotFound):
        await house.intake.admit(id, QuestionId("q9"), ALICE)
    await house.intake.admit(id, Q2, ADMIN)


async def test_recording_again_ends_the_older_take_and_its_audio_goes() -> None:
    house = Interior()
    id = await house.session()
    first = await house.upload(id, data=b"first")
    second = await house.upload(id, data=b"second")
    assert second.take == 2
    assert house.part(first.id).state is PartState.SUPERSEDED
    assert list(house.memory.files) == [second.id]


async def test_an_older_take_that_arrives_late_is_not_kept() -> None:
    house = Interior()
    id = await house.session()
    slow = asyncio.Event()

    class SlowAudio(type(house.audio)):  # type: ignore[misc]
        async def store(self, id: PartId, data: object, metadata: Mapping[str, object]) -> Stored:
            stored = await super().store(id, data, metadata)
            await slow.wait()
            return stored  # type: ignore[no-any-return]

    fast, house.audio = house.audio, SlowAudio(house.memory)
    late = asyncio.create_task(house.intake.receive(id, Q1, ALICE, incoming(b"late")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    house.audio = fast
    newest = await house.upload(id, data=b"newest")
    slow.set()
    with pytest.raises(TakeSuperseded):
        await late
    assert list(house.memory.files) == [newest.id]
    assert (await house.sessions.get(id, ALICE)).answers[Q1].part_id == newest.id


async def test_a_worker_that_is_faster_than_the_upload_does_not_make_it_look_old() -> None:
    house = Interior()
    id = await house.session()

    class Eager(type(house.sessions)):  # type: ignore[misc]
        async def show(self, session_id: SessionId, answer: Answer) -> bool:
            if answer.status is Status.QUEUED:
                claimed = await house.claims.claim(answer.part_id, "w")
                assert isinstance(claimed, Part)
                await super().show(session_id, replace(answer, rev=claimed.rev))
            return await super().show(session_id, answer)  # type: ignore[no-any-return]

    house.sessions = Eager(house.memory)
    part = await house.upload(id)
    assert house.part(part.id).state is PartState.PROCESSING
