"""How long after it was spoken a word was shown, told by what a listener was shown and when."""

from benchmarks.interim_text import Shown, _results, latencies
from services.interviews.transcript import Word

SPOKEN = [
    Word(text="An", start=0.0, end=0.2),
    Word(text="index,", start=0.3, end=0.9),
    Word(text="an", start=20.0, end=20.2),
    Word(text="index.", start=20.3, end=20.9),
]


def test_a_word_counts_from_when_it_was_shown_first_at_its_place() -> None:
    shown = [
        Shown(101.2, 0.0, 1.0, "An inn"),
        Shown(102.1, 0.0, 2.0, "an index"),
        Shown(121.5, 19.0, 21.0, "An index"),
        Shown(130.0, 0.0, 21.0, "An index, an index."),
    ]
    found = latencies(SPOKEN, shown, 100.0)
    assert [round(late, 1) if late is not None else None for late in found] == [1.0, 1.2, 1.3, 0.6]


def test_what_was_never_shown_is_told_and_no_latency() -> None:
    found = latencies(SPOKEN, [Shown(101.0, 0.0, 1.0, "An inn")], 100.0)
    assert found[1:] == [None, None, None]
    late, soon = _results([found], "a model")
    assert (late.ratio, late.runs, soon.ratio) == (0.8, 1, 25.0)
    assert "3 of which" in late.note
