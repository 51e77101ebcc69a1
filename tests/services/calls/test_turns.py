"""Who speaks when: turns of conversations that are known, and what holds for any."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from services.calls.bursts import LATE_SECONDS, SLACK_SECONDS
from services.calls.turns import OTHER, Turn, turns
from services.interviews.model import CallSide
from services.interviews.transcript import Segment, Span, Transcript
from tests.services.calls.conversations import evenly, said, sides

LEFT, RIGHT = CallSide.LEFT, CallSide.RIGHT


def told(found: list[Turn]) -> list[tuple[str, float, float, str]]:
    return [(turn.speaker.value, round(turn.start, 3), round(turn.end, 3), turn.text) for turn in found]


QUESTION = said(*evenly("What is an index?", 0.0, 2.0), *evenly("And a lock?", 7.0, 8.0))
ANSWER = said(*evenly("It finds rows.", 2.5, 4.0), *evenly("Quickly.", 5.5, 6.0), *evenly("It keeps order.", 8.4, 10.0))


def test_question_and_answer_follow_upon_each_other() -> None:
    assert told(turns(ANSWER, QUESTION)) == [
        ("right", 0.0, 2.0, "What is an index?"),
        ("left", 2.5, 6.0, "It finds rows. Quickly."),
        ("right", 7.0, 8.0, "And a lock?"),
        ("left", 8.4, 10.0, "It keeps order."),
    ]


def test_who_speaks_while_the_other_one_does_interrupts_and_the_other_ones_turn_goes_on() -> None:
    long = said(*evenly("an index is a structure that finds rows", 0.0, 10.0), *evenly("yes", 13.0, 13.5))
    other = said(*evenly("mhm", 4.0, 4.5), *evenly("but why", 9.0, 12.0))
    found = turns(long, other)
    assert told(found) == [
        ("left", 0.0, 10.0, "an index is a structure that finds rows"),
        ("right", 4.0, 4.5, "mhm"),
        ("right", 9.0, 12.0, "but why"),
        ("left", 13.0, 13.5, "yes"),
    ]
    assert [turn.interrupts for turn in found] == [False, True, True, False]


def test_a_pause_in_which_the_other_one_speaks_parts_a_turn() -> None:
    one = said(*evenly("an index", 0.0, 2.0), *evenly("finds rows", 3.5, 5.0))
    assert told(turns(one, said(*evenly("mhm", 2.4, 2.8)))) == [
        ("left", 0.0, 2.0, "an index"),
        ("right", 2.4, 2.8, "mhm"),
        ("left", 3.5, 5.0, "finds rows"),
    ]


@pytest.mark.parametrize("nobody", [None, said()])
def test_one_side_may_be_missing_or_empty(nobody: Transcript | None) -> None:
    assert told(turns(ANSWER, nobody)) == [("left", 2.5, 10.0, "It finds rows. Quickly. It keeps order.")]
    assert told(turns(nobody, QUESTION)) == [("right", 0.0, 8.0, "What is an index? And a lock?")]
    assert turns(nobody, nobody) == []


def test_words_begin_and_end_where_there_is_voice() -> None:
    early = said(("Well", 0.0, 1.9), ("yes", 1.9, 4.0), heard=[(1.2, 1.6), (1.8, 2.5)])
    (turn,) = turns(early, None)
    assert (turn.start, turn.end) == (1.2, 2.5 - LATE_SECONDS)
    assert [(word.start, word.end) for word in turn.words] == [(1.2, 1.9), (1.9, 2.5 - LATE_SECONDS)]
    late = said(("Well", 1.5, 1.9), ("yes", 1.9, 2.2), heard=[(1.2, 2.5)])
    (turn,) = turns(late, None)
    assert (turn.start, turn.end) == (1.2, 2.5 - LATE_SECONDS)


def test_voice_far_from_the_words_is_not_theirs() -> None:
    (turn,) = turns(said(("yes", 10.0, 11.0), heard=[(1.0, 2.0), (8.0, 12.6)]), None)
    assert (turn.start, turn.end) == (10.0, 11.0)
    (turn,) = turns(said(("yes", 10.0, 11.0), heard=[(1.0, 2.0)]), None)
    assert (turn.start, turn.end) == (10.0, 11.0)


def test_a_pause_that_the_engine_spans_with_a_word_is_one() -> None:
    spanned = said(("one", 0.0, 1.0), ("two", 1.0, 6.0), heard=[(0.0, 1.0), (5.5, 6.0)])
    other = said(("go", 3.0, 3.5))
    assert [turn.speaker for turn in turns(spanned, other)] == [LEFT, RIGHT, LEFT]
    split = said(("one", 0.0, 4.0), ("two", 5.5, 6.0), heard=[(0.0, 1.0), (5.5, 6.0)])
    assert [turn.speaker for turn in turns(split, other)] == [LEFT, RIGHT, LEFT]


def test_speech_that_could_not_be_read_is_a_turn_without_text() -> None:
    unread = replace(said(*evenly("hello", 0.0, 1.0)), segments=(Segment(text="", start=3.0, end=5.0),), text="")
    assert told(turns(unread, None)) == [("left", 3.0, 5.0, "")]


def test_without_times_of_words_segments_are_said_at_once_and_without_those_all_is() -> None:
    segments = (Segment(text="One two.", start=1.0, end=2.0), Segment(text="三个。", start=4.0, end=5.0))
    timed = Transcript(text="One two. 三个。", language=None, duration=9.0, segments=segments)
    assert told(turns(timed, None)) == [("left", 1.0, 5.0, "One two. 三个。")]
    assert [(burst.start, burst.end) for burst in turns(timed, None)[0].bursts] == [(1.0, 2.0), (4.0, 5.0)]
    untimed = Transcript(text="One two.", language=None, duration=9.0, heard=(Span(2.0, 3.0), Span(5.0, 7.0)))
    assert told(turns(untimed, None)) == [("left", 2.0, 7.0 - LATE_SECONDS, "One two.")]
    assert told(turns(replace(untimed, heard=()), None)) == [("left", 0.0, 9.0, "One two.")]


def test_words_of_languages_without_spaces_keep_their_text() -> None:
    words = [("数据", 0.0, 0.5), ("库", 0.5, 0.8)]
    chinese = said(*words)
    whole = replace(chinese, text="数据库。", segments=(replace(chinese.segments[0], text="数据库。"),))
    assert told(turns(whole, None)) == [("left", 0.0, 0.8, "数据库。")]


def test_what_is_no_word_of_the_engines_stays_where_it_was_said() -> None:
    few = said(("index", 1.0, 1.5), ("finds", 4.0, 4.5))
    whole = replace(
        few, text="“An index, which finds”", segments=(replace(few.segments[0], text="“An index, which finds”"),)
    )
    other = said(*evenly("mhm", 2.4, 2.8))
    assert told(turns(whole, other)) == [
        ("left", 1.0, 1.5, "“An index,"),
        ("right", 2.4, 2.8, "mhm"),
        ("left", 4.0, 4.5, "which finds”"),
    ]


def unspaced(text: str) -> str:
    return "".join(text.split())


def spoken(transcript: Transcript | None) -> str:
    """All that it says, in its order."""
    if transcript is None:
        return ""
    if not transcript.segments:
        return unspaced(transcript.text)
    return "".join(unspaced(segment.text) for segment in transcript.segments)


@given(sides, sides)
def test_all_that_is_said_is_in_one_turn_in_its_order(left: Transcript | None, right: Transcript | None) -> None:
    found = turns(left, right)
    for speaker, side in ((LEFT, left), (RIGHT, right)):
        assert "".join(unspaced(turn.text) for turn in found if turn.speaker is speaker) == spoken(side)


@given(sides, sides)
def test_turns_are_in_order_and_between_two_of_one_side_the_other_one_speaks(
    left: Transcript | None, right: Transcript | None
) -> None:
    found = turns(left, right)
    assert [turn.start for turn in found] == sorted(turn.start for turn in found)
    for speaker in CallSide:
        own = [turn for turn in found if turn.speaker is speaker]
        others = [burst for turn in found if turn.speaker is not speaker for burst in turn.bursts]
        for one, following in pairwise(own):
            assert any(other.start < following.start and one.end < other.end for other in others)
    for turn in found:
        assert 0 <= turn.start <= turn.end
        inside = [moment for word in turn.words for moment in (word.start, word.end)]
        assert all(turn.start <= moment <= turn.end for moment in inside)
        assert turn.bursts


@given(sides, sides)
def test_the_sides_may_be_swapped(left: Transcript | None, right: Transcript | None) -> None:
    here, there = turns(left, right), turns(right, left)
    if len({turn.start for turn in here}) == len(here) == len({burst.start for t in here for burst in t.bursts}):
        assert there == [replace(turn, speaker=OTHER[turn.speaker]) for turn in here]


@given(sides)
def test_one_side_alone_interrupts_nobody_and_is_one_turn(left: Transcript | None) -> None:
    found = turns(left, None)
    assert len(found) <= 1
    assert not any(turn.interrupts for turn in found)


@given(sides)
def test_no_time_is_moved_by_more_than_is_known_of_engines_but_to_where_there_is_voice(
    left: Transcript | None,
) -> None:
    edges = {moment for span in (left.heard if left else ()) for moment in (span.start, span.end)}
    given_times = {0.0} | {m for s in (left.segments if left else ()) for m in (s.start, s.end)}
    given_times |= {m for s in (left.segments if left else ()) for w in s.words for m in (w.start, w.end)}
    given_times |= {left.duration} if left else set()
    for turn in turns(left, None):
        for burst in turn.bursts:
            near = min(abs(burst.start - moment) for moment in given_times)
            assert burst.start in edges or near <= SLACK_SECONDS
