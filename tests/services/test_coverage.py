"""What is spoken and has no text is found by the times, and shown when nobody can read it."""

from services import coverage
from services.language import Language
from services.transcript import Segment, Span, Transcript, Word


def transcript(*segments: Segment, text: str | None = None) -> Transcript:
    said = " ".join(segment.text for segment in segments) if text is None else text
    return Transcript(text=said, language=Language("en"), duration=30.0, segments=segments)


def segment(start: float, end: float, text: str = "said") -> Segment:
    return Segment(text=text, start=start, end=end)


def test_a_text_that_ends_early_leaves_the_rest_unread() -> None:
    heard = [Span(0.0, 12.0)]
    assert coverage.unread(heard, transcript(segment(0.0, 2.3))) == [Span(2.6, 12.0)]


def test_short_remains_at_the_edges_of_a_text_are_none() -> None:
    heard = [Span(0.0, 2.0), Span(5.0, 8.0)]
    assert coverage.unread(heard, transcript(segment(0.4, 1.6), segment(5.6, 7.4))) == []


def test_words_count_where_there_are_any_for_a_sentence_may_span_what_it_leaves_out() -> None:
    words = (Word(text="one", start=0.0, end=0.5), Word(text="two", start=9.0, end=9.5))
    said = Segment(text="one two", start=0.0, end=9.5, words=words)
    assert coverage.unread([Span(0.0, 9.5)], transcript(said)) == [Span(0.8, 8.7)]


def test_speech_between_two_texts_is_unread() -> None:
    heard = [Span(0.0, 3.0), Span(4.0, 7.0), Span(8.0, 11.0)]
    assert coverage.unread(heard, transcript(segment(0.0, 3.0), segment(8.0, 11.0))) == [Span(4.0, 7.0)]


def test_an_engine_without_times_cannot_be_judged_by_times() -> None:
    assert coverage.unread([Span(0.0, 9.0)], transcript(text="all of it")) == []


def test_a_second_reading_takes_its_place_in_the_order_of_time() -> None:
    first = transcript(segment(0.0, 3.0, "one"), segment(8.0, 11.0, "three"))
    whole = coverage.completed(first, transcript(segment(4.0, 7.0, "two")), [Span(0.0, 11.0)])
    assert whole.text == "one two three"
    assert [one.text for one in whole.segments] == ["one", "two", "three"]


def test_what_nobody_can_read_is_shown_without_text() -> None:
    heard = [Span(0.0, 3.0), Span(4.0, 7.0)]
    whole = coverage.completed(transcript(segment(0.0, 3.0, "one")), transcript(), heard)
    assert whole.text == "one"
    assert [(one.text, one.start, one.end) for one in whole.segments] == [("one", 0.0, 3.0), ("", 4.0, 7.0)]
    assert not whole.no_speech
