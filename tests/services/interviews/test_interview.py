from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interviews.language import Language
from services.interviews.model import (
    ENDED,
    LIVE,
    MOVES,
    SHOWN,
    Failure,
    Part,
    PartId,
    PartState,
    QuestionId,
    SessionId,
    Status,
    UserId,
    answer_of,
    is_id,
    new_session_id,
    sources,
)
from services.interviews.transcript import Transcript, silence

README = Path(__file__).parents[3] / "README.md"
PART = Part(
    id=PartId("a" * 24),
    session_id=SessionId("s"),
    question_id=QuestionId("q"),
    user_id=UserId("u"),
    take=1,
    rev=3,
    state=PartState.PROCESSING,
)


def test_every_state_is_in_the_table_and_is_live_or_ended() -> None:
    assert set(MOVES) == set(PartState) == LIVE | ENDED


def test_what_is_completed_or_superseded_never_moves_again() -> None:
    assert not MOVES[PartState.COMPLETED]
    assert not MOVES[PartState.SUPERSEDED]


def test_what_failed_may_only_begin_anew() -> None:
    assert MOVES[PartState.FAILED] == {PartState.QUEUED}


def test_only_a_part_in_work_may_be_completed() -> None:
    assert sources(PartState.COMPLETED) == [PartState.PROCESSING]


@pytest.mark.parametrize("text", ["q1", "A-b_9", "x" * 64])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a.b", "$set", "a/b", "a b", "é", "q\n", "a\x00"])
def test_no_ids(text: str) -> None:
    assert not is_id(text)


def test_a_new_session_id_is_an_id_and_is_new() -> None:
    ids = {new_session_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(is_id(id) for id in ids)


def test_an_answer_shows_its_part() -> None:
    answer = answer_of(PART)
    assert (answer.status, answer.take, answer.rev, answer.audio_stored) == (Status.PROCESSING, 1, 3, True)
    assert answer.transcript is None


def test_a_completed_answer_has_no_audio() -> None:
    heard = Transcript(text="hi", language=Language("en"), duration=1.0)
    answer = answer_of(replace(PART, state=PartState.COMPLETED), heard)
    assert answer.transcript == "hi"
    assert not answer.audio_stored


def test_a_silent_answer_says_so() -> None:
    answer = answer_of(replace(PART, state=PartState.COMPLETED), silence(4.0))
    assert (answer.no_speech, answer.transcript, answer.duration) == (True, "", 4.0)


def test_a_failed_answer_names_its_failure_and_says_whether_its_audio_is_kept() -> None:
    failed = replace(PART, state=PartState.FAILED, failure=Failure("engine_timeout", "Too slow."), keep_audio=True)
    assert answer_of(failed).failure == Failure("engine_timeout", "Too slow.")
    assert answer_of(failed).audio_stored
    assert not answer_of(replace(failed, keep_audio=False)).audio_stored


def test_a_problem_of_an_earlier_try_is_not_shown_while_it_is_tried_again() -> None:
    queued = replace(PART, state=PartState.QUEUED, failure=Failure("engine_timeout", "Too slow."))
    assert answer_of(queued).failure is None


@given(st.sampled_from(sorted(SHOWN)), st.text(max_size=20))
def test_only_a_completed_answer_shows_text(state: PartState, text: str) -> None:
    answer = answer_of(replace(PART, state=state), Transcript(text=text, language=None, duration=1.0))
    assert (answer.transcript == text) == (state is PartState.COMPLETED)


def test_the_readme_tells_every_move() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in README.read_text().splitlines()]
    states = [row for row in rows if len(row) == 2 and row[0] in set(PartState)]
    told = {(source, to.strip()) for source, targets in states for to in targets.split(",")}
    assert told == {(state.value, to.value) for state, targets in MOVES.items() for to in targets}
