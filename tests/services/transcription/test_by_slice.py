"""What was said in slices: each word in one of them, whatever their lengths, and however many there are."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from services.interviews.transcript import Segment, Span
from services.recordings.ports.arrivals import KeptSlice, SliceState
from services.transcription.by_slice import Known, by_slice

quarters = st.integers(0, 40).map(lambda number: number / 4)


def slices(seconds: list[float]) -> list[KeptSlice]:
    return [
        KeptSlice(index=n, size=1, state=SliceState.RECEIVED, duration=duration) for n, duration in enumerate(seconds)
    ]


@given(
    lengths=st.lists(st.sampled_from([0.0, 0.25, 1.0, 3.0]), max_size=8),
    words=st.lists(st.tuples(quarters, quarters), max_size=12),
    heard=st.lists(st.tuples(quarters, quarters), max_size=5),
    until=st.sampled_from([0.0, 2.0, float("inf")]),
)
def test_words_lie_where_their_middle_is(
    lengths: list[float], words: list[tuple[float, float]], heard: list[tuple[float, float]], until: float
) -> None:
    segments = tuple(Segment(text=f"w{n}", start=min(pair), end=max(pair)) for n, pair in enumerate(words))
    spans = tuple(Span(min(pair), max(pair)) for pair in heard)
    found = by_slice(slices(lengths), Known(segments, spans, until))
    ends = list(accumulate(lengths))
    assert [one.index for one in found] == [n for n, end in enumerate(ends) if end <= until]
    for one in found:
        start, end = ends[one.index] - lengths[one.index], ends[one.index]
        inside = [word.text for word in segments if start <= (word.start + word.end) / 2 < end]
        spoken = sum(max(0.0, min(span.end, end) - max(span.start, start)) for span in spans)
        assert one.text == " ".join(inside)
        assert one.speech_ratio == (round(min(1.0, spoken / (end - start)), 3) if end > start else 0.0)


def test_hours_of_short_slices_are_told_at_once() -> None:
    number = 60_000
    words = tuple(Segment(text="so", start=at / 4, end=at / 4 + 0.2) for at in range(number))
    spans = tuple(Span(at / 2, at / 2 + 0.25) for at in range(number // 2))
    found = by_slice(slices([0.25] * number), Known(words, spans, float("inf")))
    assert [one.text for one in found] == ["so"] * number
    assert [one.speech_ratio for one in found[:4]] == [1.0, 0.0, 1.0, 0.0]


def test_behind_a_slice_that_ends_before_it_begins_nothing_has_a_place() -> None:
    wrong = KeptSlice(index=1, size=1, state=SliceState.RECEIVED, start=5.0, end=1.0)
    given = [*slices([1.0]), wrong, KeptSlice(index=2, size=1, state=SliceState.RECEIVED, duration=1.0)]
    assert [one.index for one in by_slice(given, Known((), (), float("inf")))] == [0]
