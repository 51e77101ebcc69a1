import pytest

from services.analysis.results import Pending, Result
from services.errors import AudioUnreadable, SessionNotFound
from services.interviews.model import PartState
from tests.in_memory import ALICE, BOB, Q1, Q2, Interior


async def test_pending_until_every_transcript_is_there() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id, Q1)
    pending = await house.analysis.run(id, ALICE)
    assert isinstance(pending, Pending)
    assert (pending.standing.queued, pending.standing.not_answered) == ([Q1], [Q2])
    assert pending.retry_after >= 1
    await house.work_off()
    result = await house.analysis.run(id, ALICE)
    assert isinstance(result, Result)
    assert (result.final_score, len(result.scored), result.standing.not_answered) == (50.0, 1, [Q2])


async def test_a_failed_answer_is_named_and_not_counted() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id, Q1)
    await house.work_off()
    house.ears.trouble = [AudioUnreadable()]
    await house.upload(id, Q2)
    await house.work_off()
    result = await house.analysis.run(id, ALICE)
    assert isinstance(result, Result)
    assert (result.final_score, result.standing.failed) == (50.0, [Q2])


async def test_nothing_answered_gives_no_score() -> None:
    house = Interior()
    result = await house.analysis.run(await house.session(), ALICE)
    assert isinstance(result, Result)
    assert (result.final_score, result.scored) == (None, [])


async def test_recording_again_makes_it_pending_again() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id, Q1)
    await house.work_off()
    first = await house.analysis.run(id, ALICE)
    again = await house.upload(id, Q1)
    assert house.part(again.id).state is PartState.QUEUED
    assert isinstance(await house.analysis.run(id, ALICE), Pending)
    await house.work_off()
    second = await house.analysis.run(id, ALICE)
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert first.digest != second.digest


async def test_an_answer_that_changes_between_read_and_write_is_read_again() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id, Q1)
    await house.work_off()
    record = house.sessions.record_analysis
    calls = []

    async def record_late(*arguments):  # type: ignore[no-untyped-def]
        calls.append(arguments)
        if len(calls) == 1:
            await house.upload(id, Q2)
        return await record(*arguments)

    house.sessions.record_analysis = record_late  # type: ignore[method-assign]
    assert isinstance(await house.analysis.run(id, ALICE), Pending)
    assert id not in house.memory.analyses


async def test_a_foreign_session_is_not_there() -> None:
    house = Interior()
    with pytest.raises(SessionNotFound):
        await house.analysis.run(await house.session(), BOB)
