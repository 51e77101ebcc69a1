"""What is being said right now: up to a pause it is read once, and all of it is shown."""

from itertools import pairwise

import pytest

from services.interviews.transcript import Segment, Span, Transcript, Word, silence
from services.transcription.ports import RATE, Activity
from services.transcription.tails import LEAST_BEHIND, LEAST_PAUSE, Tail, Unread

START, NUMBER = 48.0, 3


def spoken(*words: tuple[str, float]) -> list[Word]:
    """Words of 0.4 s, at seconds of the stretch."""
    return [Word(text=text, start=at, end=at + 0.4, probability=0.9) for text, at in words]


TALK = spoken(("An", 0.2), ("index", 0.6), ("is", 1.0), ("Quick", 2.4), ("to", 2.8), ("read", 3.2), ("and", 5.0))


def heard_in(words: list[Word]) -> list[Span]:
    spans: list[Span] = []
    for word in words:
        if spans and word.start - spans[-1].end < 0.16:
            spans[-1] = Span(spans[-1].start, word.end)
        else:
            spans.append(Span(word.start, word.end))
    return spans


class Speaker:
    """What is here of a talk, read as an engine reads it: a sentence for all, in times of what it was given."""

    def __init__(self, words: list[Word], *, is_timed: bool = True) -> None:
        self.words = words
        self.is_timed = is_timed
        self.given: list[float] = []

    def read(self, seconds: float, before: Tail | None) -> Tail:
        here = [word for word in self.words if word.end <= seconds]
        pcm = bytes(2 * round(seconds * RATE))
        rest = Unread.of(NUMBER, START, pcm, Activity([Span(0.0, seconds)], heard_in(here)), before)
        self.given.append(round(rest.at - START, 2))
        first = rest.at - START
        assert rest.recording.duration == pytest.approx(seconds - first)
        assert [span for span in rest.spans if span.start < 0 or span.end > seconds] == []
        said = [
            Word(text=word.text, start=word.start - first, end=word.end - first) for word in here if word.start >= first
        ]
        return rest.read(self._transcript(said, rest.recording.duration))

    def _transcript(self, said: list[Word], duration: float) -> Transcript:
        if not said:
            return silence(duration)
        text = " ".join(word.text for word in said)
        whole = Segment(text=text, start=said[0].start, end=said[-1].end, words=tuple(said))
        return Transcript(text=text, language=None, duration=duration, segments=(whole,) if self.is_timed else ())


def readings(speaker: Speaker, *seconds: float) -> list[Tail]:
    tails: list[Tail] = []
    for moment in seconds:
        tails.append(speaker.read(moment, tails[-1].goes_on(NUMBER) if tails else None))
    return tails


MOMENTS = [0.5 * number for number in range(2, 13)]


def test_all_of_it_is_shown_and_what_stands_before_a_pause_is_read_once() -> None:
    speaker = Speaker(TALK)
    for tail, seconds in zip(readings(speaker, *MOMENTS), MOMENTS, strict=True):
        said = tail.said.transcript
        assert said.text.split() == [word.text for word in TALK if word.end <= seconds]
        assert (tail.said.number, tail.said.start) == (NUMBER, START)
        assert said.duration == pytest.approx(seconds)
        starts = [word.start for segment in said.segments for word in segment.words]
        assert starts == pytest.approx([START + word.start for word in TALK if word.end <= seconds])
    assert speaker.given[0] == 0.0 and speaker.given == sorted(speaker.given)
    assert speaker.given[-1] == pytest.approx(1.9)


def test_what_is_kept_ends_in_a_pause_with_enough_behind_it() -> None:
    tails = readings(Speaker(TALK), *MOMENTS)
    pauses = [(one.end, later.start) for one, later in pairwise(heard_in(TALK)) if later.start - one.end >= LEAST_PAUSE]
    for tail, seconds in zip(tails, MOMENTS, strict=True):
        if tail.until > START:
            (after,) = [end for start, end in pauses if start < tail.until - START < end]
            assert seconds - after >= LEAST_BEHIND


def test_an_engine_that_tells_no_times_reads_all_of_it_each_time() -> None:
    speaker = Speaker(TALK, is_timed=False)
    last = readings(speaker, *MOMENTS)[-1]
    assert set(speaker.given) == {0.0}
    assert last.said.transcript.text.split() == [word.text for word in TALK]


def test_a_sentence_without_words_that_goes_on_over_the_pause_is_read_again() -> None:
    whole = Segment(text="An index is Quick to read and", start=0.2, end=5.4)
    rest = Unread.of(NUMBER, START, bytes(2 * 6 * RATE), Activity([Span(0.0, 6.0)], heard_in(TALK)), None)
    said = Transcript(text=whole.text, language=None, duration=6.0, segments=(whole,))
    assert rest.read(said).until == START


@pytest.mark.parametrize(
    ("text", "words", "kept"),
    [
        ("索引很快。然后", ["索引", "很快", "然后"], "索引很快"),
        ("An index, yes. Then", ["An", "index", "yes", "Then"], "An index, yes"),
    ],
    ids=["without spaces", "words without commas"],
)
def test_what_is_kept_is_written_as_its_sentence_is(text: str, words: list[str], kept: str) -> None:
    timed = spoken(*((word, 0.2 + 0.4 * number) for number, word in enumerate(words[:-1])), (words[-1], 3.0))
    rest = Unread.of(NUMBER, START, bytes(2 * 5 * RATE), Activity([Span(0.0, 5.0)], heard_in(timed)), None)
    whole = Segment(text=text, start=timed[0].start, end=timed[-1].end, words=tuple(timed))
    tail = rest.read(Transcript(text=text, language=None, duration=5.0, segments=(whole,)))
    assert [one.text for one in tail.kept] == [kept]


def test_of_another_stretch_nothing_is_kept() -> None:
    tail = readings(Speaker(TALK), 6.0)[0]
    assert tail.goes_on(NUMBER) is tail
    assert tail.goes_on(NUMBER + 1) is None
