"""What operators do by hand takes effect once, wherever a process dies, and is never without its entry in the log."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import (
    AnswerNotFound,
    EngineUnavailable,
    NotFailed,
    NotInWork,
    NotUnscored,
    Problem,
    QuestionNotFound,
    RateLimited,
    RecordingGone,
    SessionNotFound,
    StoreUnavailable,
    TakeSuperseded,
)
from services.interviews.model import Evaluation, Failure, Mark, Part, PartId, PartState, QuestionId, SessionId, Status
from services.operations.ports.audit_log import Action, Entry, Outcome
from tests.faults import Fault, Faulty
from tests.in_memory import ADMIN, ALICE, OPERATOR, Q1, Q2, Interior
from tests.invariants import World, world_in_memory, world_on_mongo
from tests.processes import Died, seen_by
from tests.services.scenes import NEW, OLD, SCENES, Scene

WHY = "It hangs."
MOST_CALLS = 30


async def a_failed_answer(house: Interior) -> SessionId:
    id = await house.session()
    await house.upload(id)
    house.ears.trouble = [EngineUnavailable() for _ in range(house.memory.terms.max_deliveries)]
    for _ in range(house.memory.terms.max_deliveries):
        await house.worker().run(next(iter(house.memory.rows)))
        house.memory.clock.advance(200)
    house.doorbell.to_transcribe.clear()
    return id


async def test_a_retried_answer_is_shown_as_queued_rung_for_and_transcribed() -> None:
    house = Interior()
    id = await a_failed_answer(house)
    part = await house.intervention.retry(id, Q1, OPERATOR)
    assert (part.state, part.deliveries, part.retries) == (PartState.QUEUED, 0, 1)
    answer = (await house.sessions.get(id, ADMIN)).answers[Q1]
    assert (answer.status, answer.failure, answer.audio_stored) == (Status.QUEUED, None, True)
    assert house.doorbell.to_transcribe == [part.id]
    await house.work_off()
    answer = (await house.sessions.get(id, ADMIN)).answers[Q1]
    assert (answer.status, answer.transcript) == (Status.COMPLETED, house.ears.said)
    assert not house.memory.files


async def admitted() -> None:
    """Nobody has to wait."""


async def several_failed(house: Interior, number: int) -> list[PartId]:
    for _ in range(number):
        await house.upload(await house.session())
    ids = list(house.memory.rows)
    for id in ids:
        assert await house.interventions.fail(id, Failure("worker_lost", "They stopped."))
    house.doorbell.to_transcribe.clear()
    return ids


async def test_several_are_retried_one_by_one_and_each_is_in_the_log() -> None:
    house = Interior()
    ids = await several_failed(house, 3)
    gone = PartId("0" * 24)
    retries = await house.intervention.retry_each([*ids, gone], OPERATOR, admitted)
    assert [(each.id, each.problem and each.problem.code) for each in retries.done] == [
        *((id, None) for id in ids),
        (gone, "answer_not_found"),
    ]
    assert retries.retry_after is None
    assert house.doorbell.to_transcribe == ids
    assert [(e.deed.action, e.deed.on["file_id"], e.deed.on["among"], e.outcome) for e in house.audit_log.entries] == [
        (Action.RETRY, id, 4, Outcome.DONE) for id in ids
    ]


async def test_of_several_those_are_refused_that_are_not_the_newest_or_have_not_failed() -> None:
    house = Interior()
    older, waits = await several_failed(house, 2)
    await house.upload(house.part(older).session_id)
    await house.intervention.retry_each([waits], OPERATOR, admitted)
    retries = await house.intervention.retry_each([older, waits], OPERATOR, admitted)
    assert [each.problem and each.problem.code for each in retries.done] == ["take_superseded", "not_failed"]
    assert house.part(older).state is PartState.FAILED
    assert [entry.outcome for entry in house.audit_log.entries[1:]] == [Outcome.REFUSED, Outcome.REFUSED]


async def test_the_rest_is_left_where_the_operator_has_to_wait() -> None:
    house = Interior()
    ids = await several_failed(house, 3)
    left = iter([None, None, RateLimited(retry_after=7.0)])

    async def admit() -> None:
        if refused := next(left):
            raise refused

    retries = await house.intervention.retry_each(ids, OPERATOR, admit)
    assert ([each.id for each in retries.done], retries.retry_after) == (ids[:2], 7.0)
    assert house.part(ids[2]).state is PartState.FAILED


async def test_the_rest_is_left_where_the_store_has_gone_away() -> None:
    house = Interior()
    ids = await several_failed(house, 3)
    process = Faulty(Fault.REFUSED, 4)
    retries = await seen_by(process, house).intervention.retry_each(ids, OPERATOR, admitted)
    assert process.struck == "interventions.retry"
    assert [each.problem and each.problem.code for each in retries.done] == ["store_unavailable"]
    assert {house.part(id).state for id in ids} == {PartState.FAILED}
    assert [entry.outcome for entry in house.audit_log.entries][-1] is Outcome.BROKE_OFF


async def test_an_answer_may_fail_and_be_retried_again_and_again() -> None:
    house = Interior()
    id = await a_failed_answer(house)
    for number in range(1, 4):
        assert (await house.intervention.retry(id, Q1, OPERATOR)).retries == number
        assert (await house.intervention.fail(id, Q1, WHY, OPERATOR)).state is PartState.FAILED
    assert len(house.audit_log.entries) == 6


@pytest.mark.parametrize("state", ["queued", "processing", "completed"])
async def test_an_answer_that_has_not_failed_is_not_retried(state: str) -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    if state == "processing":
        await house.claims.claim(part.id, "w")
    if state == "completed":
        await house.work_off()
    with pytest.raises(NotFailed, match=state):
        await house.intervention.retry(id, Q1, OPERATOR)
    assert house.part(part.id).state.value == state
    (entry,) = house.audit_log.entries
    assert (entry.outcome, entry.after) == (Outcome.REFUSED, {"problem": "not_failed"})


async def test_a_failed_answer_whose_recording_is_gone_is_not_retried() -> None:
    house = Interior()
    id = await a_failed_answer(house)
    house.memory.clock.advance(25 * 3600)
    await house.sweep.run(24.0)
    with pytest.raises(RecordingGone):
        await house.intervention.retry(id, Q1, OPERATOR)


async def test_only_the_newest_take_is_retried() -> None:
    house = Interior()
    id = await a_failed_answer(house)
    await house.upload(id, data=b"y" * 32000)
    with pytest.raises(NotFailed, match="queued"):
        await house.intervention.retry(id, Q1, OPERATOR)


async def test_what_is_not_there_is_named_and_leaves_no_entry() -> None:
    house = Interior()
    id = await house.session()
    with pytest.raises(SessionNotFound):
        await house.intervention.retry(SessionId("nowhere"), Q1, OPERATOR)
    with pytest.raises(QuestionNotFound):
        await house.intervention.fail(id, QuestionId("q9"), WHY, OPERATOR)
    with pytest.raises(AnswerNotFound):
        await house.intervention.fail(id, Q2, WHY, OPERATOR)
    assert house.audit_log.entries == []


async def test_an_answer_that_was_failed_by_hand_says_why_and_can_be_retried() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    claimed = await house.claims.claim(part.id, "w")
    assert claimed is not None
    failed = await house.intervention.fail(id, Q1, WHY, OPERATOR)
    answer = (await house.sessions.get(id, ADMIN)).answers[Q1]
    assert answer.failure is not None
    assert (answer.failure.code, answer.failure.sentence) == ("failed_by_operator", WHY)
    assert (answer.status, answer.audio_stored, part.id in house.memory.files) == (Status.FAILED, True, True)
    assert not await house.claims.beat(part.id, claimed.fence), "who worked on it is shut out"
    assert house.memory.rows[failed.id].settled
    await house.intervention.retry(id, Q1, OPERATOR)
    await house.work_off()
    assert (await house.sessions.get(id, ADMIN)).answers[Q1].status is Status.COMPLETED


async def test_what_has_ended_is_not_failed() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    with pytest.raises(NotInWork):
        await house.intervention.fail(id, Q1, WHY, OPERATOR)


async def test_a_take_that_was_recorded_again_during_its_retry_gives_way() -> None:
    world = world_in_memory()
    scene = Scene(world, await world.house.session())
    await SCENES["an operator's retry"][0](scene)

    class RecordsAgain:
        """Somebody records again just when the retried take is about to be shown."""

        async def before(self, call: str) -> int:
            if call == "sessions.show":
                scene.accepted.append(await world.upload(world.house, scene.session, Q1, NEW))
            return 0

        async def after(self, call: str, number: int) -> None: ...

    with pytest.raises(TakeSuperseded):
        await seen_by(RecordsAgain(), world.house).intervention.retry(scene.session, Q1, OPERATOR)
    assert world.house.part(scene.part).state is PartState.SUPERSEDED
    await world.drain()
    await world.check()
    answer = (await world.house.sessions.get(scene.session, ADMIN)).answers[Q1]
    assert (answer.transcript, answer.take) == (NEW, 2)


async def test_an_entry_says_who_did_what_on_what_and_what_came_of_it() -> None:
    house = Interior()
    id = await a_failed_answer(house)
    part = await house.intervention.retry(id, Q1, OPERATOR)
    await house.intervention.fail(id, Q1, WHY, OPERATOR)
    retried, failed = house.audit_log.entries
    assert (retried.deed.who, retried.deed.action, retried.deed.request_id) == ("root", Action.RETRY, "a-request")
    assert retried.deed.on == {"session_id": id, "question_id": "q1", "take": 1, "file_id": part.id}
    assert (retried.deed.before["state"], retried.deed.before["error"]) == ("failed", "engine_unavailable")
    assert retried.after == {"state": "queued", "deliveries": 0, "retries": 1, "error": None}
    assert (failed.deed.action, failed.deed.reason, failed.outcome) == (Action.FAIL, WHY, Outcome.DONE)
    assert failed.after is not None and failed.after["error"] == "failed_by_operator"


async def test_a_sweep_by_hand_is_in_the_log_with_its_counts() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    await house.claims.claim(part.id, "dead")
    house.memory.clock.advance(100)
    counted = await house.intervention.sweep(OPERATOR, dry_run=True)
    assert (counted["reclaimed"], house.part(part.id).state) == (1, PartState.PROCESSING)
    done = await house.intervention.sweep(OPERATOR, dry_run=False)
    assert (done["reclaimed"], house.part(part.id).state) == (1, PartState.QUEUED)
    assert [entry.deed.on for entry in house.audit_log.entries] == [{"dry_run": True}, {"dry_run": False}]
    assert [(entry.after or {})["reclaimed"] for entry in house.audit_log.entries] == [1, 1]


async def test_without_its_entry_nothing_is_done() -> None:
    house = Interior()
    id = await a_failed_answer(house)
    process = Faulty(Fault.REFUSED, 3)
    with pytest.raises(StoreUnavailable):
        await seen_by(process, house).intervention.retry(id, Q1, OPERATOR)
    assert process.struck == "audit_log.begin"
    assert next(iter(house.memory.rows.values())).part.state is PartState.FAILED


async def _struck(world: World, name: str, process: Faulty) -> tuple[Scene, Part, list[Entry]]:
    """An operator's deed in a process with a fault; the record as it then is, and the log."""
    ready, act = SCENES[name]
    scene = Scene(world, await world.house.session())
    await ready(scene)
    try:
        await act(scene, seen_by(process, world.house))
    except (Problem, Died, asyncio.CancelledError):
        assert process.struck is not None
    part = await world.house.records.get(scene.part)
    assert part is not None
    return scene, part, await world.house.audit_log.page(None, 10)


async def _play_retry(world: World, process: Faulty) -> str:
    """Once the record has moved, its answer is transcribed, though nobody does anything but the sweep."""
    scene, part, entries = await _struck(world, "an operator's retry", process)
    moved = part.state is PartState.QUEUED
    assert entries or not moved, "a deed without an entry"
    await world.drain()
    await world.check()
    answer = (await world.house.sessions.get(scene.session, ADMIN)).answers[Q1]
    assert (answer.status, answer.transcript) == ((Status.COMPLETED, OLD) if moved else (Status.FAILED, None))
    return "moved" if moved else "not moved"


async def _play_fail(world: World, process: Faulty) -> str:
    scene, part, entries = await _struck(world, "an operator ends what waits", process)
    moved = part.state is PartState.FAILED
    assert entries or not moved, "a deed without an entry"
    await world.drain()
    await world.check()
    answer = (await world.house.sessions.get(scene.session, ADMIN)).answers[Q1]
    assert answer.status is (Status.FAILED if moved else Status.COMPLETED)
    return "moved" if moved else "not moved"


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("play", [_play_retry, _play_fail])
async def test_a_deed_that_took_effect_has_an_entry_and_comes_to_its_end_in_memory(play: Any, fault: Fault) -> None:
    seen = set()
    for at in range(1, MOST_CALLS):
        process = Faulty(fault, at)
        seen.add((await play(world_in_memory(), process), process.struck is not None))
        if process.struck is None:
            break
    assert seen == {("not moved", True), ("moved", True), ("moved", False)}


async def test_the_same_on_mongo(database: AsyncDatabase[dict[str, Any]]) -> None:
    for play in (_play_retry, _play_fail):
        for at in range(1, MOST_CALLS):
            process = Faulty(Fault.DIED, at)
            await play(world_on_mongo(database), process)
            for collection in ("interview_sessions", "parts", "fs.files", "fs.chunks", "receipts", "audit"):
                await database[collection].delete_many({})
            if process.struck is None:
                break
        assert process.struck is None and at > 5


async def test_an_answer_that_was_given_up_for_want_of_a_scorer_is_scored_anew() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    with pytest.raises(NotUnscored):
        await house.intervention.score(id, Q1, OPERATOR)
    answer = house.memory.sessions[id].answers[Q1]
    given_up = Evaluation(score=None, reason="scorer_unavailable")
    house.memory.sessions[id].answers[Q1] = replace(answer, mark=Mark.UNSCORED, evaluation=given_up)
    await house.intervention.score(id, Q1, OPERATOR)
    assert house.doorbell.to_score == [part.id]
    await house.scoring.run(house.doorbell.to_score.pop())
    assert (await house.sessions.get(id, ALICE)).answers[Q1].mark is Mark.SCORED
    assert [entry.deed.action for entry in house.audit_log.entries] == [Action.SCORE, Action.SCORE]
