"""A quote's times are those of its words."""

from services.analysis.quote_times import with_times
from services.interviews.model import Feedback
from services.interviews.transcript import Segment, Transcript, Word


def words(said: str, start: float) -> tuple[Word, ...]:
    return tuple(Word(text=f" {word}", start=start + at, end=start + at + 0.5) for at, word in enumerate(said.split()))


FIRST, SECOND = "An index is a tree.", "An index costs space."
TRANSCRIPT = Transcript(
    text=f"{FIRST} {SECOND}",
    language=None,
    duration=20,
    segments=(
        Segment(text=FIRST, start=1, end=5.5, words=words(FIRST, 1)),
        Segment(text="", start=6, end=8),
        Segment(text=SECOND, start=10, end=13.5, words=words(SECOND, 10)),
    ),
)


def times(quote: str | None, transcript: Transcript = TRANSCRIPT) -> tuple[float | None, float | None]:
    (found,) = with_times([Feedback(point="p", covered=True, quote=quote)], transcript)
    return found.start, found.end


def test_a_quote_begins_with_its_first_word_and_ends_with_its_last() -> None:
    assert times("is a tree") == (3, 5.5)
    assert times("index costs") == (11, 12.5)
    assert times("a tree. An index costs space.") == (4, 13.5)
    assert times("ndex co") == (11, 12.5)  # a part of a word is said with it


def test_where_no_words_are_known_the_segments_times_are_told() -> None:
    plain = Transcript(text=FIRST, language=None, duration=9, segments=(Segment(text=FIRST, start=2, end=7),))
    assert times("a tree", plain) == (2, 7)
    strange = Segment(text=FIRST, start=2, end=7, words=words("No such words", 2))
    assert times("a tree", Transcript(text=FIRST, language=None, duration=9, segments=(strange,))) == (2, 7)


def test_what_is_not_said_or_not_timed_has_no_times() -> None:
    assert times(None) == (None, None)
    assert times("a house") == (None, None)
    assert times("a tree", Transcript(text=FIRST, language=None, duration=9)) == (None, None)
