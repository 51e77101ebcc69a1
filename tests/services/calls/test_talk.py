"""How fast is answered, and who speaks how much."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.talk import talk
from services.calls.turns import turns
from services.interviews.transcript import Segment, Span, Transcript
from tests.services.calls.conversations import evenly, said, sides
from tests.services.calls.test_turns import ANSWER, QUESTION


def test_a_latency_is_from_the_end_of_the_question_to_the_answers_first_word() -> None:
    found = talk(turns(ANSWER, QUESTION))
    assert [round(one.latency, 3) for one in found.responses] == [0.5, 0.4]
    assert found.response_latency == pytest.approx(0.45)
    assert found.left_seconds == pytest.approx(3.6)
    assert found.right_seconds == pytest.approx(3.0)
    assert found.talk_ratio == pytest.approx(3.6 / 6.6)
    assert found.overlap_seconds == 0.0


def test_who_answers_before_the_question_is_over_has_a_latency_below_nothing() -> None:
    found = talk(turns(said(*evenly("yes it does", 1.5, 4.0)), said(*evenly("does it work", 0.0, 2.0))))
    assert [one.latency for one in found.responses] == [pytest.approx(-0.5)]
    assert found.overlap_seconds == pytest.approx(0.5)


def test_what_is_said_while_the_other_speaks_neither_asks_nor_answers() -> None:
    asking = said(*evenly("what is an index and what is it for", 0.0, 8.0), *evenly("mhm", 12.0, 12.5))
    answering = said(*evenly("aha", 3.0, 3.5), *evenly("it finds rows and keeps an order of them", 9.0, 15.0))
    assert [one.latency for one in talk(turns(answering, asking)).responses] == [pytest.approx(1.0)]


def test_who_goes_on_after_a_word_in_a_pause_answers_that_word() -> None:
    answering = said(*evenly("it finds rows", 0.0, 2.0), *evenly("and more", 4.0, 5.0))
    assert [one.latency for one in talk(turns(answering, said(("go", 2.5, 3.0)))).responses] == [pytest.approx(1.0)]


@pytest.mark.parametrize("nobody", [None, said()])
def test_without_one_side_there_is_no_latency_and_no_overlap(nobody: Transcript | None) -> None:
    left, right = talk(turns(ANSWER, nobody)), talk(turns(nobody, QUESTION))
    assert (left.response_latency, left.overlap_seconds, left.talk_ratio) == (None, 0.0, 1.0)
    assert (right.response_latency, right.overlap_seconds, right.talk_ratio) == (None, 0.0, 0.0)
    silent = talk(turns(nobody, nobody))
    assert (silent.talk_ratio, silent.left_seconds, silent.responses) == (None, 0.0, ())


@given(sides, sides)
def test_seconds_are_what_can_be(left: Transcript | None, right: Transcript | None) -> None:
    found = talk(turns(left, right))
    assert 0 <= found.overlap_seconds <= min(found.left_seconds, found.right_seconds) + 1e-6
    assert found.talk_ratio is None or 0 <= found.talk_ratio <= 1
    assert (found.talk_ratio is None) == (found.left_seconds + found.right_seconds == 0)
    mirrored = talk(turns(right, left))
    assert mirrored.left_seconds == pytest.approx(found.right_seconds, abs=1e-6)
    assert mirrored.overlap_seconds == pytest.approx(found.overlap_seconds, abs=1e-6)


def later(transcript: Transcript | None, by: float) -> Transcript | None:
    if transcript is None or not transcript.segments:
        return None

    def moved(segment: Segment) -> Segment:
        words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
        return replace(segment, start=segment.start + by, end=segment.end + by, words=words)

    heard = tuple(Span(span.start + by, span.end + by) for span in transcript.heard)
    return replace(transcript, segments=tuple(map(moved, transcript.segments)), heard=heard)


@given(sides, sides, st.integers(0, 4096))
def test_the_same_call_later_has_the_same_talk(left: Transcript | None, right: Transcript | None, by: int) -> None:
    here = talk(turns(later(left, 0), later(right, 0)))
    there = talk(turns(later(left, by), later(right, by)))
    assert there.left_seconds == pytest.approx(here.left_seconds, abs=1e-3)
    assert there.right_seconds == pytest.approx(here.right_seconds, abs=1e-3)
