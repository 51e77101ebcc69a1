"""Conversations for tests, said in one line each, and any at all."""

from collections.abc import Sequence

from hypothesis import strategies as st

from services.interviews.transcript import Segment, Span, Transcript, Word

Spoken = tuple[str, float, float]


def said(*words: Spoken, heard: Sequence[tuple[float, float]] = (), duration: float = 60.0) -> Transcript:
    """One segment of these words; with what voice activity heard."""
    text = " ".join(text for text, _, _ in words)
    spans = tuple(Span(*span) for span in heard)
    if not words:
        return Transcript(text="", language=None, duration=duration, no_speech=True, heard=spans)
    found = tuple(Word(text=text, start=start, end=end) for text, start, end in words)
    segment = Segment(text=text, start=words[0][1], end=words[-1][2], words=found)
    return Transcript(text=text, language=None, duration=duration, segments=(segment,), heard=spans)


def evenly(text: str, start: float, end: float) -> list[Spoken]:
    """Words of the same length, one right behind the other."""
    words = text.split()
    step = (end - start) / len(words)
    return [(word, start + n * step, start + (n + 1) * step) for n, word in enumerate(words)]


def seconds(least: int, most: int) -> st.SearchStrategy[float]:
    """In sixty-fourths, so that sums of them are exact."""
    return st.integers(64 * least, 64 * most).map(lambda number: number / 64)


moments = seconds(0, 7200)
pieces = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from(["<", ">", "&", "-->", "<v right>", "{\\b1}", "\n", "\n\n", "NOTE", "1", "a", " "]),
)
texts = st.lists(pieces, min_size=1, max_size=12).map("".join).filter(lambda text: text.split() != [])
spans = st.lists(st.tuples(moments, seconds(1, 20)), max_size=12).map(
    lambda found: tuple(Span(start, start + seconds) for start, seconds in _apart(sorted(found)))
)


def _apart(found: list[tuple[float, float]]) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for start, seconds in found:
        if not kept or start > sum(kept[-1]):
            kept.append((start, seconds))
    return kept


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """As engines make them, with times that may run backwards, words that are not the text's, or none."""
    start = draw(moments)
    words = draw(st.lists(texts, max_size=6))
    text = draw(st.sampled_from([" ".join(words), "".join(words), "something else", ""]))
    found = []
    for word in words:
        at = draw(seconds(-1, 5)) + start
        found.append(Word(text=word, start=max(0.0, at), end=max(0.0, at + draw(seconds(0, 2)))))
    return Segment(text=text, start=start, end=start + draw(seconds(0, 30)), words=tuple(found))


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    found = tuple(sorted(draw(st.lists(segments(), max_size=6)), key=lambda segment: segment.start))
    text = " ".join(segment.text for segment in found if segment.text) or draw(st.sampled_from(["", "of a piece"]))
    return Transcript(text=text, language=None, duration=7300.0, segments=found, heard=draw(spans))


sides = st.one_of(st.none(), transcripts())
