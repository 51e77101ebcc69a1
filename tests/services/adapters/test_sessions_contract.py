"""What Sessions promises, in memory and on MongoDB."""

import asyncio
from dataclasses import replace

import pytest

from services.analysis.evidence import LONGEST_QUOTE
from services.errors import QuestionNotFound, SessionExists, SessionNotFound
from services.events.model import EventType
from services.interviews.model import (
    Answer,
    CallId,
    CallSide,
    Evaluation,
    Failure,
    Feedback,
    KeyPoint,
    Mark,
    PartId,
    Question,
    QuestionId,
    Session,
    SessionId,
    Status,
    aside_of,
    beginning,
    evaluated,
)
from services.interviews.transcript import Flaw, Verdict
from tests.services.adapters.stores import ANN, BOB, Q1, Q2, ROOT, S1, Store, a_session

PART = PartId("65f000000000000000000001")
SCORE = Evaluation(
    score=80.0,
    feedback=(Feedback(point="$why", covered=True, quote="$was so", weight=2.0),),
    scorer="coverage",
    usable_share=0.75,
)
FLAWS = (Flaw(code="cut", at=0.5), Flaw(code="$gap", seconds=2.0))
CRAFTED = ["a.b", "q1.score", "$set", "", "a" * 65, "q1\x00", "answers.q1", "ü"]


def an_answer(take: int = 1, rev: int = 1, status: Status = Status.QUEUED, question: QuestionId = Q1) -> Answer:
    return Answer(question_id=question, take=take, rev=rev, part_id=PART, status=status)


def completed(take: int = 1, rev: int = 3) -> Answer:
    answer = an_answer(take, rev, Status.COMPLETED)
    spoken = {"transcript": "$was so", "language": "en", "language_probability": 0.75, "duration": 1.5}
    heard = {**spoken, "warnings": ("cut",), "flaws": FLAWS}
    judged = {"verdict": Verdict.INCOMPLETE, "verdict_version": "$1"}
    return replace(answer, audio_stored=False, mark=Mark.PENDING, **heard, **judged)  # type: ignore[arg-type]


async def shown(store: Store) -> Session:
    return await store.sessions.get(S1, ANN)


async def test_a_session_is_kept_with_the_time_of_the_store(store: Store) -> None:
    made = await store.sessions.create(a_session())
    assert made == await store.sessions.get(S1, ANN)
    assert made.created_at is not None and made.created_at.tzinfo is not None
    assert made == replace(a_session(), created_at=made.created_at)


async def test_an_id_is_taken_once(store: Store) -> None:
    await store.sessions.create(a_session())
    with pytest.raises(SessionExists):
        await store.sessions.create(a_session())


async def test_a_foreign_session_is_like_an_absent_one(store: Store) -> None:
    await store.sessions.create(a_session())
    for id, viewer in ((S1, BOB), (SessionId("none"), ANN)):
        with pytest.raises(SessionNotFound) as get:
            await store.sessions.get(id, viewer)
        with pytest.raises(SessionNotFound) as take:
            await store.sessions.next_take(id, Q1, viewer)
        with pytest.raises(SessionNotFound):
            await store.sessions.next_take(id, QuestionId("unknown"), viewer)
        assert str(get.value) == str(take.value) == SessionNotFound.sentence
    assert (await store.sessions.get(S1, ROOT)).user_id == ANN.user_id


async def test_takes_are_numbered_for_each_question(store: Store) -> None:
    await store.sessions.create(a_session())
    takes = await asyncio.gather(*(store.sessions.next_take(S1, Q1, ANN) for _ in range(5)))
    assert sorted(take.number for take in takes) == [1, 2, 3, 4, 5]
    other = await store.sessions.next_take(S1, Q2, ROOT)
    assert (other.number, other.owner, other.question) == (1, ANN.user_id, a_session().questions[1])


@pytest.mark.parametrize("id", ["unknown", *CRAFTED])
async def test_what_is_no_question_gets_no_take(store: Store, id: str) -> None:
    await store.sessions.create(a_session())
    with pytest.raises(QuestionNotFound):
        await store.sessions.next_take(S1, QuestionId(id), ANN)


@pytest.mark.parametrize("id", CRAFTED)
async def test_a_crafted_question_id_reaches_no_field(store: Store, id: str) -> None:
    before = await store.sessions.create(a_session())
    with pytest.raises(ValueError):
        await store.sessions.show(S1, an_answer(question=QuestionId(id)))
    with pytest.raises(ValueError):
        await store.sessions.score(S1, QuestionId(id), 1, SCORE)
    assert await shown(store) == before


async def test_an_answer_is_shown_as_it_is(store: Store) -> None:
    await store.sessions.create(a_session())
    failed = replace(an_answer(status=Status.FAILED, question=Q2), failure=Failure("$code", "$sentence"))
    assert await store.sessions.show(S1, completed())
    assert await store.sessions.show(S1, failed)
    assert (await shown(store)).answers == {Q1: completed(), Q2: failed}
    assert (await shown(store)).revision == 2


async def test_an_answer_is_shown_with_its_score_or_gets_it_later(store: Store) -> None:
    await store.sessions.create(a_session())
    scored = evaluated(completed(), SCORE)
    assert await store.sessions.show(S1, scored)
    assert (await shown(store)).answers[Q1] == scored
    assert (await shown(store)).revision == 1
    news = await store.events.after(S1, 0, ANN)
    assert [event.type for event in news.events or ()] == [EventType.COMPLETED, EventType.SCORED]
    assert await store.sessions.show(S1, scored), "which changes nothing"
    assert (await shown(store)).revision == 1


async def test_an_answer_that_shows_already_without_its_score_gets_it(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed())
    assert await store.sessions.show(S1, evaluated(completed(), SCORE))
    assert (await shown(store)).answers[Q1] == evaluated(completed(), SCORE)
    await store.sessions.show(S1, an_answer(take=2))
    assert not await store.sessions.show(S1, evaluated(completed(), SCORE))
    assert (await shown(store)).answers[Q1] == an_answer(take=2)


async def test_a_question_is_told_by_itself(store: Store) -> None:
    await store.sessions.create(a_session())
    assert await store.sessions.question(S1, Q2) == a_session().questions[1]
    assert await store.sessions.question(S1, QuestionId("unknown")) is None
    assert await store.sessions.question(SessionId("none"), Q1) is None


@pytest.mark.parametrize(
    ("then", "answer", "is_written"),
    [
        ((2, 5), (2, 6), True),
        ((2, 5), (3, 1), True),
        ((2, 5), (2, 5), False),
        ((2, 5), (2, 4), False),
        ((2, 5), (1, 9), False),
    ],
)
async def test_the_newest_take_and_rev_win(
    store: Store, then: tuple[int, int], answer: tuple[int, int], is_written: bool
) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, an_answer(*then))
    assert await store.sessions.show(S1, an_answer(*answer)) is (answer[0] >= then[0])
    session = await shown(store)
    assert (session.answers[Q1].take, session.answers[Q1].rev) == (answer if is_written else then)
    assert session.revision == (2 if is_written else 1)


async def test_nothing_is_shown_in_a_session_that_is_not_there(store: Store) -> None:
    assert not await store.sessions.show(S1, an_answer())


async def test_shown_in_any_order_the_newest_stands(store: Store) -> None:
    await store.sessions.create(a_session())
    answers = [an_answer(take, rev) for take in (1, 2, 3) for rev in (1, 2, 3)]
    await asyncio.gather(*(store.sessions.show(S1, answer) for answer in answers[::-2] + answers[1::2]))
    assert (await shown(store)).answers[Q1] == answers[-1]


async def test_a_completed_answer_is_scored_once(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed())
    assert await store.sessions.score(S1, Q1, 1, SCORE)
    assert not await store.sessions.score(S1, Q1, 1, Evaluation(score=1.0, scorer="late"))
    assert (await shown(store)).answers[Q1] == replace(completed(), mark=Mark.SCORED, evaluation=SCORE)
    assert (await shown(store)).revision == 2


async def test_an_answer_without_a_score_says_why(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed())
    reason = Evaluation(score=None, reason="no_speech")
    assert await store.sessions.score(S1, Q1, 1, reason)
    answer = (await shown(store)).answers[Q1]
    assert (answer.mark, answer.evaluation) == (Mark.UNSCORED, reason)


async def test_what_no_scorer_could_be_had_for_may_be_scored_later(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed())
    assert await store.sessions.score(S1, Q1, 1, Evaluation(score=None, reason="scorer_unavailable"))
    assert (await shown(store)).answers[Q1].lacks_score
    assert await store.sessions.score(S1, Q1, 1, SCORE)
    assert (await shown(store)).answers[Q1] == replace(completed(), mark=Mark.SCORED, evaluation=SCORE)
    assert not await store.sessions.score(S1, Q1, 1, Evaluation(score=None, reason="scorer_unavailable"))


@pytest.mark.parametrize("take", [1, 3])
async def test_another_take_is_not_scored(store: Store, take: int) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed(take=2))
    assert not await store.sessions.score(S1, Q1, take, SCORE)


async def test_what_is_not_completed_is_not_scored(store: Store) -> None:
    await store.sessions.create(a_session())
    assert not await store.sessions.score(S1, Q1, 1, SCORE)
    await store.sessions.show(S1, an_answer(status=Status.PROCESSING))
    assert not await store.sessions.score(S1, Q1, 1, SCORE)


async def test_showing_a_scored_take_again_keeps_its_score(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed(rev=3))
    await store.sessions.score(S1, Q1, 1, SCORE)
    await store.sessions.show(S1, completed(rev=4))
    assert (await shown(store)).answers[Q1] == replace(completed(rev=4), mark=Mark.SCORED, evaluation=SCORE)


async def test_a_newer_take_starts_without_a_score(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed())
    await store.sessions.score(S1, Q1, 1, SCORE)
    await store.sessions.show(S1, completed(take=2))
    assert (await shown(store)).answers[Q1] == completed(take=2)


async def test_an_analysis_is_kept_for_the_revision_it_rests_on(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, completed())
    assert not await store.sessions.record_analysis(S1, 0, {"final_score": 1})
    assert await store.sessions.record_analysis(S1, 1, {"final_score": "$2"})
    assert await store.sessions.record_analysis(S1, 1, {"final_score": 3})
    assert (await shown(store)).revision == 1


async def test_a_failed_take_that_loses_its_recording_is_no_event(store: Store) -> None:
    await store.sessions.create(a_session())
    failed = replace(an_answer(1, 3, Status.FAILED), failure=Failure("engine_unavailable", "It could not be reached."))
    assert await store.sessions.show(S1, failed)
    before = await shown(store)
    assert await store.sessions.show(S1, replace(failed, rev=4, audio_stored=False))
    after = await shown(store)
    assert (after.cursor, after.revision) == (before.cursor, before.revision)
    assert (after.answers[Q1].audio_stored, after.answers[Q1].rev) == (False, 4)
    assert await store.sessions.show(S1, an_answer(1, 5))  # retried
    assert await store.sessions.show(S1, replace(failed, rev=6))
    again = await shown(store)
    assert (again.cursor, again.revision) == (before.cursor + 2, before.revision + 2)


async def test_a_session_with_the_most_and_the_longest_answers_can_still_be_shown(store: Store) -> None:
    questions = tuple(
        Question(id=QuestionId(f"q{n}"), text="?" * 1200, key_points=(KeyPoint("p" * 40),) * 5) for n in range(200)
    )
    await store.sessions.create(replace(a_session(), questions=questions))
    said = beginning("\u51fd" * 100_000)
    point = Feedback(point="\u51fd" * 40, covered=True, quote="\u51fd" * LONGEST_QUOTE, comment="\u51fd" * 300)
    judged = Evaluation(score=50.0, feedback=(point,) * 8, scorer="openai/judge/2")
    for question in questions:
        answer = replace(completed(1, 3), question_id=question.id, transcript=said, is_cut=True, evaluation=judged)
        assert await store.sessions.show(S1, replace(answer, mark=Mark.SCORED))
    assert len((await shown(store)).answers) == 200


async def test_the_right_side_of_a_call_is_told_and_not_shown(store: Store) -> None:
    await store.sessions.create(a_session())
    call = {"call_id": CallId("c1"), "side": CallSide.RIGHT}
    aside = replace(an_answer(2, 1, question=aside_of(Q1)), **call)  # type: ignore[arg-type]
    assert await store.sessions.show(S1, aside)
    assert await store.sessions.show(S1, aside)
    assert await store.sessions.show(S1, replace(aside, rev=2, status=Status.PROCESSING))
    assert not await store.sessions.show(S1, replace(aside, take=1, rev=9))
    session = await shown(store)
    assert (session.answers, session.revision, session.cursor) == ({}, 0, 2)
    told = (await store.events.after(S1, 0, ANN)).events or ()
    assert [(event.type, event.question_id, event.take, event.side, event.call_id) for event in told] == [
        ("answer.queued", Q1, 2, CallSide.RIGHT, "c1"),
        ("answer.processing", Q1, 2, CallSide.RIGHT, "c1"),
    ]
    assert not await store.sessions.show(SessionId("none"), aside)


async def test_the_left_side_of_a_call_is_the_answer(store: Store) -> None:
    await store.sessions.create(a_session())
    left = replace(an_answer(), call_id=CallId("c1"), side=CallSide.LEFT)
    assert await store.sessions.show(S1, left)
    assert (await shown(store)).answers[Q1] == left
    [event] = (await store.events.after(S1, 0, ANN)).events or ()
    assert (event.side, event.call_id) == (CallSide.LEFT, "c1")
