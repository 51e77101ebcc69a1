"""What is spoken and has no text is found by the times, and shown when nobody can read it."""

import pytest

from services.interviews.language import Language
from services.interviews.transcript import Segment, Span, Transcript, Word
from services.transcription import coverage
from services.transcription.coverage import Gap


def transcript(*segments: Segment, text: str | None = None) -> Transcript:
    said = " ".join(segment.text for segment in segments) if text is None else text
    return Transcript(text=said, language=Language("en"), duration=30.0, segments=segments)


def segment(start: float, end: float, text: str = "said") -> Segment:
    return Segment(text=text, start=start, end=end)


def spoken(*words: tuple[str, float, float]) -> Segment:
    said = tuple(Word(text=text, start=start, end=end) for text, start, end in words)
    return Segment(text=" ".join(word.text for word in said), start=said[0].start, end=said[-1].end, words=said)


def spans(gaps: list[Gap]) -> list[tuple[float, float]]:
    return [(round(gap.span.start, 2), round(gap.span.end, 2)) for gap in gaps]


def test_a_text_that_ends_early_leaves_the_rest_unread() -> None:
    assert spans(coverage.gaps([Span(0.0, 12.0)], transcript(segment(0.0, 2.3)))) == [(2.6, 12.0)]


def test_short_remains_at_the_edges_of_a_text_are_none() -> None:
    heard = [Span(0.0, 2.0), Span(5.0, 8.0)]
    assert coverage.gaps(heard, transcript(segment(0.4, 1.6), segment(5.6, 7.4))) == []


def test_speech_between_two_texts_is_unread() -> None:
    heard = [Span(0.0, 3.0), Span(4.0, 7.0), Span(8.0, 11.0)]
    assert spans(coverage.gaps(heard, transcript(segment(0.0, 3.0), segment(8.0, 11.0)))) == [(4.0, 7.0)]


def test_a_pause_between_words_is_no_gap() -> None:
    said = spoken(("one", 0.0, 0.5), ("two", 4.0, 4.5))
    assert coverage.gaps([Span(0.0, 0.6), Span(3.9, 4.6)], transcript(said)) == []


def test_an_engine_without_times_cannot_be_judged_by_times() -> None:
    assert coverage.gaps([Span(0.0, 9.0)], transcript(text="all of it")) == []


def test_a_word_that_is_drawn_out_over_speech_is_read_again_with_all_that_follows_it() -> None:
    said = spoken(("made", 8.0, 8.4), ("to", 8.4, 8.6), ("go", 8.6, 11.9), ("and", 11.9, 12.2), ("pay", 12.2, 12.6))
    (gap,) = coverage.gaps([Span(7.9, 13.0)], transcript(said))
    assert (gap.span, [word.text for word in gap.in_doubt]) == (Span(8.6, 13.0), ["go", "and", "pay"])


def test_what_is_read_again_takes_the_place_of_what_was_in_doubt_if_it_is_more() -> None:
    first = transcript(spoken(("made", 8.0, 8.4), ("to", 8.4, 8.6), ("go", 8.6, 12.2), ("and", 12.2, 12.6)))
    gaps = coverage.gaps([Span(7.9, 13.0)], first)
    again = spoken(("go", 8.6, 8.9), ("and", 8.9, 9.2), ("pay", 9.2, 9.6), ("a", 9.6, 9.7), ("visit.", 9.7, 10.3))
    fuller = coverage.filled(first, gaps, [again])
    assert fuller.text == "made to go and pay a visit."
    assert coverage.filled(first, gaps, [spoken(("go.", 8.6, 12.6))]) == first


def test_a_second_reading_takes_its_place_in_the_order_of_time() -> None:
    first = transcript(segment(0.0, 3.0, "one"), segment(8.0, 11.0, "three"))
    gaps = coverage.gaps([Span(0.0, 11.0)], first)
    whole = coverage.filled(first, gaps, [segment(4.0, 7.0, "two")])
    assert whole.text == "one two three"
    assert [one.text for one in whole.segments] == ["one", "two", "three"]


def test_what_nobody_can_read_is_shown_without_text() -> None:
    heard = [Span(0.0, 3.0), Span(4.0, 7.0)]
    first = transcript(segment(0.0, 3.0, "one"))
    whole = coverage.shown(first, coverage.gaps(heard, first))
    assert whole.text == "one"
    assert [(one.text, one.start, one.end) for one in whole.segments] == [("one", 0.0, 3.0), ("", 4.0, 7.0)]
    assert not whole.no_speech


@pytest.mark.parametrize("text", ["said", ""])
def test_where_the_engine_heard_nobody_nothing_is_missing(text: str) -> None:
    nobody = Segment(text="", start=4.0, end=7.0, no_speech_probability=0.9)
    said = (segment(0.0, 3.0, text), nobody) if text else (nobody,)
    first = transcript(*said, text=text)
    gaps = coverage.gaps([Span(4.0, 7.0)], first)
    assert gaps == []
    whole = coverage.shown(first, gaps)
    assert [one.text for one in whole.segments] == ([text] if text else [])
    assert whole.no_speech == (not text)


def test_the_text_before_a_doubtful_word_keeps_its_letters() -> None:
    said = Segment(
        text="Hi, you. Go",
        start=0.0,
        end=6.0,
        words=tuple(
            Word(text=text, start=at, end=end) for text, at, end in [("Hi,", 0, 1), ("you.", 1, 2), ("Go", 2, 6)]
        ),
    )
    first = transcript(said)
    gaps = coverage.gaps([Span(0.0, 6.0)], first)
    again = spoken(("Go", 2.0, 2.4), ("on.", 2.4, 3.0))
    assert coverage.filled(first, gaps, [again]).text == "Hi, you. Go on."


def test_no_letter_is_lost_before_a_doubtful_word_where_the_words_are_written_in_another_way() -> None:
    words = spoken(("It", 0.0, 1.0), ("costs", 1.0, 2.0), ("thirty", 2.0, 3.0), ("Go", 3.0, 9.0)).words
    first = transcript(Segment(text="It costs 30. Go", start=0.0, end=9.0, words=words))
    again = spoken(("Go", 3.0, 3.4), ("on.", 3.4, 4.0))
    assert coverage.filled(first, coverage.gaps([Span(0.0, 9.0)], first), [again]).text == "It costs thirty Go on."


def test_what_is_read_again_with_the_rest_of_its_segment_is_not_read_twice() -> None:
    first = transcript(spoken(("to", 8.0, 8.6), ("go", 8.6, 11.9), ("and", 11.9, 12.2)))
    gaps = coverage.gaps([Span(7.9, 13.5)], first)
    whole, rest = coverage.apart(gaps)
    assert (spans(whole), spans(rest)) == ([(8.6, 13.5)], [(12.5, 13.5)])
    again = [spoken(("go", 8.6, 9.0), ("and", 9.0, 9.4)), spoken(("a", 12.4, 12.6), ("visit", 12.6, 13.3))]
    assert coverage.filled(first, whole, again).text == "to go and a visit"
    assert coverage.filled(first, rest, [spoken(("visit", 12.6, 13.3))]).text == "to go and visit"


def test_nor_is_what_stands_between_two_words_of_it() -> None:
    first = transcript(spoken(("to", 8.0, 8.6), ("go", 8.6, 11.9), ("and", 16.0, 16.3)))
    heard = [Span(7.9, 12.0), Span(14.0, 15.0), Span(16.0, 16.3)]
    assert [spans(lot) for lot in coverage.apart(coverage.gaps(heard, first))] == [[(8.6, 16.3)], [(14.0, 15.0)]]
