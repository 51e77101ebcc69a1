import asyncio
from dataclasses import replace
from typing import Any

import pytest

from services.analysis.scoring import MOST_FAILURES
from services.errors import (
    AudioUnreadable,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    Problem,
    RecordingAtFault,
    ScorerBusy,
    ScorerUnavailable,
    StoreUnavailable,
)
from services.interviews.model import Evaluation, Mark, Part, PartId, PartState, Question, Status
from services.interviews.transcript import Flaw, Transcript
from services.operations.sweep import PUT_OFF_SECONDS
from services.recordings.closing import AudioLeft
from services.recordings.ports.audio import Deletion, Stored
from tests.in_memory import ALICE, OPERATOR, Q1, Q2, SAID, Interior
from tests.virtual_time import hurried


async def test_a_recording_becomes_a_transcript_with_a_score_and_its_audio_goes() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.status, answer.transcript, answer.audio_stored) == (Status.COMPLETED, SAID, False)
    assert answer.mark is Mark.SCORED
    assert answer.evaluation is not None
    assert answer.evaluation.score == 50.0
    row = house.memory.rows[part.id]
    assert not house.memory.files
    assert row.settled
    assert row.deletion is not None
    assert (row.deletion.files, row.deletion.left) == (1, 0)


async def test_the_audio_is_gone_before_completed_is_shown() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id)
    shown = house.sessions.show

    async def show(session_id, answer):  # type: ignore[no-untyped-def]
        if answer.status is Status.COMPLETED:
            assert not house.memory.files
        return await shown(session_id, answer)

    house.sessions.show = show  # type: ignore[method-assign]
    await house.work_off()


async def test_silence_gives_no_words_and_asks_no_engine() -> None:
    house = Interior()
    house.ears.speaks = False
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.status, answer.transcript, answer.no_speech) == (Status.COMPLETED, "", True)
    assert house.ears.heard == 0
    assert answer.evaluation is not None
    assert answer.evaluation.reason == "no_speech"


@pytest.mark.parametrize("speaks", [True, False])
async def test_what_is_wrong_with_the_recording_is_told_with_its_answer(speaks: bool) -> None:
    house = Interior()
    house.ears.speaks = speaks
    house.ears.flaws = (Flaw(code="gap", at=1.0, seconds=0.5), Flaw(code="gap", at=3.0), Flaw(code="truncated"))
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert answer.warnings == ("gap", "truncated")
    assert answer.flaws == house.ears.flaws


async def test_a_ring_too_many_changes_nothing() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    await house.work_off()
    before = house.part(part.id)
    await house.worker().run(part.id)
    assert house.part(part.id) == before
    assert house.ears.heard == 1


async def test_two_workers_on_one_ring_hear_it_once() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    await asyncio.gather(house.worker("a").run(part.id), house.worker("b").run(part.id))
    assert house.ears.heard == 1


async def test_a_passing_failure_is_tried_again_when_it_is_due() -> None:
    house = Interior()
    house.ears.trouble = [EngineUnavailable()]
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.QUEUED
    await house.worker().run(part.id)
    assert house.ears.heard == 1, "not due yet"
    house.memory.clock.advance(60)
    await house.sweep.run(24)
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.COMPLETED


async def test_a_lasting_failure_ends_at_once_and_keeps_no_audio() -> None:
    house = Interior()
    house.ears.trouble = [AudioUnreadable()]
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert answer.status is Status.FAILED
    assert answer.failure is not None
    assert answer.failure.code == "audio_unreadable"
    assert not house.memory.files
    assert house.part(part.id).deliveries == 1


@pytest.mark.parametrize("trouble", [EngineRefused(), EngineUnavailable()], ids=["refused", "away"])
async def test_what_is_not_the_recordings_fault_does_not_delete_it(trouble: Problem) -> None:
    house = Interior()
    house.memory.terms = replace(house.memory.terms, max_deliveries=1)
    house.ears.trouble = [trouble]
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.status, answer.audio_stored) == (Status.FAILED, True)
    assert list(house.memory.files) == [part.id]
    await house.intervention.retry(id, Q1, OPERATOR)
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].transcript == SAID


def test_only_what_is_wrong_with_the_recording_lets_go_of_it() -> None:
    def kinds(problem: type[Problem]) -> set[type[Problem]]:
        return {problem}.union(*map(kinds, problem.__subclasses__()))

    assert {kind.code for kind in kinds(RecordingAtFault) - {RecordingAtFault}} == {
        "audio_unreadable",
        "audio_too_long",
    }


async def test_after_the_last_delivery_the_audio_is_kept_for_a_while() -> None:
    house = Interior()
    house.ears.trouble = [EngineTimeout() for _ in range(9)]
    id = await house.session()
    part = await house.upload(id)
    for _ in range(5):
        await house.work_off()
        house.memory.clock.advance(200)
        await house.sweep.run(24)
    assert house.part(part.id).state is PartState.FAILED
    assert house.part(part.id).deliveries == house.memory.terms.max_deliveries
    assert list(house.memory.files) == [part.id]
    house.memory.clock.advance(25 * 3600)
    await house.sweep.run(24)
    assert not house.memory.files
    assert not (await house.sessions.get(id, ALICE)).answers[Q1].audio_stored


async def test_an_answer_that_failed_for_want_of_the_database_keeps_its_audio() -> None:
    house = Interior()
    house.ears.trouble = [StoreUnavailable() for _ in range(9)]
    part = await house.upload(await house.session())
    for _ in range(5):
        await house.work_off()
        house.memory.clock.advance(200)
        await house.sweep.run(24)
    assert house.part(part.id).state is PartState.FAILED
    assert list(house.memory.files) == [part.id]


async def test_an_unexpected_error_is_a_passing_one() -> None:
    house = Interior()
    house.ears.trouble = [ZeroDivisionError("engine bug")]
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.QUEUED


@hurried
async def test_who_has_lost_the_claim_writes_nothing() -> None:
    house = Interior()
    house.ears.hold.clear()
    id = await house.session()
    part = await house.upload(id)
    slow = asyncio.create_task(house.worker("slow", lease_seconds=0.2).run(part.id))
    await asyncio.sleep(0.01)
    house.memory.clock.advance(120)
    await house.sweep.run(24)
    assert house.part(part.id).state is PartState.QUEUED
    await slow
    house.ears.hold.set()
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.COMPLETED
    assert house.part(part.id).deliveries == 2


@hurried
async def test_a_worker_that_stops_gives_its_claim_back() -> None:
    house = Interior()
    house.ears.hold.clear()
    part = await house.upload(await house.session())
    work = asyncio.create_task(house.worker().run(part.id))
    await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (house.part(part.id).state, house.part(part.id).deliveries) == (PartState.QUEUED, 0)


@hurried
async def test_a_take_that_is_superseded_in_work_never_shows() -> None:
    house = Interior()
    house.ears.hold.clear()
    id = await house.session()
    old = await house.upload(id, data=b"old")
    work = asyncio.create_task(house.worker("slow").run(old.id))
    await asyncio.sleep(0.01)
    house.ears.said = "The newest take."
    newest = await house.upload(id, data=b"newest")
    house.ears.hold.set()
    await work
    house.doorbell.to_transcribe = [newest.id]
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.take, answer.transcript) == (2, "The newest take.")
    assert house.part(old.id).state is PartState.SUPERSEDED
    assert not house.memory.files


async def test_a_question_without_key_points_is_unscored_with_the_reason() -> None:
    house = Interior()
    id = await house.session()
    await house.upload(id, Q2)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q2]
    assert answer.mark is Mark.UNSCORED
    assert answer.evaluation is not None
    assert answer.evaluation.reason == "no_key_points"


class SlowScorer:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = asyncio.Event()

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        self.asked += 1
        await self.answers.wait()
        return Evaluation(score=70.0, scorer="slow")


async def test_an_answer_that_takes_long_to_score_is_asked_for_and_paid_once() -> None:
    scorer = SlowScorer()
    house = Interior(scorer=scorer)
    id = await house.session()
    part = await house.upload(id)
    work = asyncio.create_task(house.worker().run(part.id))
    while not scorer.asked:
        await asyncio.sleep(0)
    for _ in range(4):
        house.memory.clock.advance(14)
        await house.sweep.run(24)
        await house.scoring.run(part.id)
    assert scorer.asked == 1
    scorer.answers.set()
    await work
    await house.scoring.run(part.id)
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.mark, scorer.asked, house.memory.rows[part.id].to_score) == (Mark.SCORED, 1, False)


async def test_a_worker_that_stops_while_it_scores_lets_another_begin_at_once() -> None:
    scorer = SlowScorer()
    house = Interior(scorer=scorer)
    id = await house.session()
    part = await house.upload(id)
    work = asyncio.create_task(house.worker().run(part.id))
    while not scorer.asked:
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    scorer.answers.set()
    await house.scoring.run(part.id)
    assert (await house.sessions.get(id, ALICE)).answers[Q1].mark is Mark.SCORED
    assert house.memory.rows[part.id].score_failures == 0


async def test_what_is_no_longer_to_be_scored_costs_no_call() -> None:
    """The score was shown and its worker died; or a newer take was recorded meanwhile."""
    scorer = SlowScorer()
    scorer.answers.set()
    house = Interior(scorer=scorer)
    id = await house.session()
    old = await house.upload(id, data=b"old")
    await house.work_off()
    house.memory.rows[old.id].to_score = True
    house.memory.rows[old.id].scoring_until = None
    await house.scoring.run(old.id)
    assert (scorer.asked, house.memory.rows[old.id].to_score) == (1, False)
    await house.upload(id, data=b"new")
    await house.work_off()
    house.memory.rows[old.id].to_score = True
    house.memory.rows[old.id].scoring_until = None
    await house.scoring.run(old.id)
    assert (scorer.asked, house.memory.rows[old.id].to_score) == (2, False)


async def test_a_scorer_that_asks_for_time_gets_it_and_to_wait_is_not_to_fail() -> None:
    scorer = DeadScorer(ScorerBusy(retry_after=900.0))
    house = Interior(scorer=scorer)
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    for number in range(2, 10):
        house.memory.clock.advance(890)
        await house.sweep.run(24)
        assert house.doorbell.to_score == []
        house.memory.clock.advance(11)
        await house.sweep.run(24)
        await house.scoring.run(house.doorbell.to_score.pop())
        assert scorer.asked == number
    assert house.memory.rows[part.id].score_failures == 0
    assert (await house.sessions.get(id, ALICE)).answers[Q1].mark is Mark.PENDING


async def test_a_scorer_that_is_busy_for_more_than_a_day_is_given_up_like_any_other() -> None:
    scorer = DeadScorer(ScorerBusy(retry_after=13 * 3600.0))
    house = Interior(scorer=scorer)
    id = await house.session()
    part = await house.upload(id)
    await house.work_off()
    for _ in range(MOST_FAILURES + 2):
        house.memory.clock.advance(13 * 3600 + 1)
        await house.scoring.run(part.id)
    assert scorer.asked == 2 + MOST_FAILURES
    assert (await house.sessions.get(id, ALICE)).answers[Q1].mark is Mark.UNSCORED


async def test_an_answer_whose_audio_does_not_go_does_not_show_its_end() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    delete, lefts = house.audio.delete, [3, 1, 0]

    async def clings(of: PartId) -> Deletion:
        return replace(await delete(of), left=lefts.pop(0))

    house.audio.delete = clings  # type: ignore[method-assign,assignment]
    with pytest.raises(AudioLeft, match="3 pieces"):
        await house.worker().run(part.id)
    for _ in range(2):
        assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.PROCESSING
        assert not house.memory.rows[part.id].settled
        house.memory.clock.advance(PUT_OFF_SECONDS + 11)
        await house.sweep.run(24)
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.status, lefts) == (Status.COMPLETED, [])
    assert house.memory.rows[part.id].settled


class DeadScorer:
    def __init__(self, trouble: Exception) -> None:
        self.asked = 0
        self._trouble = trouble

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        self.asked += 1
        raise self._trouble


@pytest.mark.parametrize("trouble", [ScorerUnavailable(), ZeroDivisionError("a bug")], ids=["foreseen", "unforeseen"])
async def test_a_scorer_that_fails_is_asked_again_and_then_given_up(trouble: Exception) -> None:
    scorer = DeadScorer(trouble)
    house = Interior(scorer=scorer)
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    assert (await house.sessions.get(id, ALICE)).answers[Q1].mark is Mark.PENDING
    for _ in range(MOST_FAILURES + 2):
        house.memory.clock.advance(60)
        await house.sweep.run(24)
        while house.doorbell.to_score:
            await house.scoring.run(house.doorbell.to_score.pop())
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.mark, scorer.asked) == (Mark.UNSCORED, MOST_FAILURES)
    assert answer.evaluation is not None
    assert answer.evaluation.reason == "scorer_unavailable"


async def test_an_end_that_took_effect_without_being_confirmed_is_closed_at_once() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    _unconfirmed(house, "complete", 2)
    await house.worker().run(part.id)
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.status, answer.mark) == (Status.COMPLETED, Mark.SCORED)
    assert not house.memory.files
    assert house.memory.rows[part.id].settled


async def test_a_failure_that_took_effect_without_being_confirmed_shows_at_once() -> None:
    house = Interior()
    house.ears.trouble = [AudioUnreadable()]
    id = await house.session()
    part = await house.upload(id)
    _unconfirmed(house, "fail", 1)
    await house.worker().run(part.id)
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.FAILED
    assert house.memory.rows[part.id].settled


async def test_an_end_that_another_worker_wrote_meanwhile_is_not_taken_for_ones_own() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    complete, closed = house.claims.complete, []

    async def close(*ended: object) -> None:
        closed.append(ended)

    async def refused(id: PartId, *_: object, **__: object) -> Part | None:
        """Not carried out, and while the database is away the lease ends and another worker does it all."""
        house.claims.complete = complete  # type: ignore[method-assign]
        house.memory.clock.advance(120)
        await house.worker("other").run(id)
        raise StoreUnavailable

    house.claims.complete = refused  # type: ignore[method-assign]
    await replace(house.worker("late"), close=close).run(part.id)
    assert house.part(part.id).state is PartState.COMPLETED
    assert house.part(part.id).deliveries == 2
    assert closed == []


def _unconfirmed(house: Interior, name: str, times: int) -> None:
    """The write takes effect, and so many times the database does not say so."""
    write, left = getattr(house.claims, name), [StoreUnavailable() for _ in range(times)]

    async def written(*args: Any, **more: Any) -> Part | None:
        result: Part | None = await write(*args, **more)
        if left:
            raise left.pop()
        return result

    setattr(house.claims, name, written)


async def test_a_recording_that_is_there_after_all_is_tried_again() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    held = house.memory.files.pop(part.id)
    whole = house.audio.is_whole

    async def found(id: PartId, stored: Stored) -> bool:
        house.memory.files[id] = held
        return await whole(id, stored)

    house.audio.is_whole = found  # type: ignore[method-assign]
    await house.work_off()
    assert house.part(part.id).state is PartState.QUEUED
    assert list(house.memory.files) == [part.id]


async def test_what_cannot_be_found_is_not_deleted_either() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    house.memory.files.pop(part.id)
    await house.work_off()
    failed = house.part(part.id)
    assert (failed.state, failed.failure and failed.failure.code) == (PartState.FAILED, "audio_missing")
    assert house.memory.chunks[part.id], "an operator may yet find the rest"
    house.memory.clock.advance(25 * 3600)
    await house.sweep.run(24)
    assert not house.memory.chunks.get(part.id)
