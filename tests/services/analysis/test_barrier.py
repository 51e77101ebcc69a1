from hypothesis import given
from hypothesis import strategies as st

from services.analysis.barrier import digest, final_score, standing
from services.interviews.model import (
    Answer,
    Evaluation,
    Mark,
    PartId,
    Question,
    QuestionId,
    Session,
    SessionId,
    Status,
    UserId,
)
from services.recordings.ports.backlog import Pace
from services.transcription.eta import LONGEST_WAIT, SHORTEST_WAIT, wait


def answer(id: str, status: Status, mark: Mark | None = None, score: float | None = None, take: int = 1) -> Answer:
    evaluation = Evaluation(score=score) if mark in (Mark.SCORED, Mark.UNSCORED) else None
    return Answer(
        question_id=QuestionId(id),
        take=take,
        rev=1,
        part_id=PartId("p"),
        status=status,
        mark=mark,
        evaluation=evaluation,
    )


def session(*answers: Answer, questions: str = "abcdef") -> Session:
    return Session(
        id=SessionId("s"),
        user_id=UserId("u"),
        questions=tuple(Question(id=QuestionId(q), text="?") for q in questions),
        answers={a.question_id: a for a in answers},
    )


def test_every_question_stands_in_its_place() -> None:
    now = standing(
        session(
            answer("a", Status.QUEUED),
            answer("b", Status.PROCESSING),
            answer("c", Status.COMPLETED, Mark.PENDING),
            answer("d", Status.COMPLETED, Mark.SCORED, 50.0),
            answer("e", Status.FAILED),
        ),
        {},
    )
    assert (now.queued, now.processing, now.scoring) == (["a"], ["b"], ["c"])
    assert (now.completed, now.failed, now.not_answered) == (["d"], ["e"], ["f"])
    assert not now.is_settled


def test_a_recording_that_is_still_arriving_counts_as_queued_even_over_an_older_take() -> None:
    now = standing(session(answer("a", Status.COMPLETED, Mark.SCORED, 50.0)), {QuestionId("a"): 2, QuestionId("b"): 1})
    assert now.queued == ["a", "b"]


def test_failed_and_missing_answers_hold_nothing_up() -> None:
    assert standing(session(answer("a", Status.FAILED)), {}).is_settled


def test_the_final_score_is_the_mean_of_what_is_scored() -> None:
    scored = [answer("a", Status.COMPLETED, Mark.SCORED, 80.0), answer("b", Status.COMPLETED, Mark.SCORED, 91.0)]
    assert final_score([*scored, answer("c", Status.COMPLETED, Mark.UNSCORED)]) == 85.5
    assert final_score([]) is None


def test_a_score_of_zero_counts() -> None:
    assert final_score([answer("a", Status.COMPLETED, Mark.SCORED, 0.0)]) == 0.0


def test_the_digest_names_takes_and_scores() -> None:
    one = session(answer("a", Status.COMPLETED, Mark.SCORED, 80.0))
    assert digest(one) == digest(session(answer("a", Status.COMPLETED, Mark.SCORED, 80.0)))
    assert digest(one) != digest(session(answer("a", Status.COMPLETED, Mark.SCORED, 80.0, take=2)))
    assert digest(one) != digest(session(answer("a", Status.COMPLETED, Mark.SCORED, 81.0)))


def test_more_work_means_a_longer_wait_and_more_slots_a_shorter() -> None:
    assert wait(10, Pace(1, 2.0)) > wait(5, Pace(1, 2.0)) > wait(5, Pace(4, 2.0))


@given(st.integers(0, 10**6), st.integers(0, 100), st.floats(0, 1e6))
def test_the_wait_stays_within_bounds(ahead: int, slots: int, seconds: float) -> None:
    assert SHORTEST_WAIT <= wait(ahead, Pace(slots, seconds)) <= LONGEST_WAIT
