"""What is not to be believed of a transcript is said, each rule by itself."""

import time
from dataclasses import replace

import pytest

from services.interviews.transcript import Segment, Span, Transcript, Verdict, Word, silence
from services.transcription import coverage
from services.transcription.verdicts import VERSION, judged

HEARD = [Span(0.0, 20.0)]
SAID = "An index finds the rows without a scan."


def segment(text: str = SAID, start: float = 0.0, end: float = 4.0, likely: float | None = None) -> Segment:
    said = text.split()
    step = (end - start) / max(1, len(said))
    places = [(word, start + at * step, start + (at + 1) * step) for at, word in enumerate(said)]
    words = tuple(Word(text=word, start=first, end=last, probability=likely) for word, first, last in places)
    return Segment(text=text, start=start, end=end, words=words if likely is not None else ())


def transcript(*segments: Segment, text: str = "") -> Transcript:
    whole = text or " ".join(one.text for one in segments)
    return Transcript(text=whole, language=None, duration=20.0, segments=segments)


def verdict(one: Segment, heard: list[Span] = HEARD) -> Verdict | None:
    return judged(transcript(one), heard).segments[0].verdict


def test_what_is_judged_names_its_rules() -> None:
    assert judged(transcript(segment()), HEARD).verdict_version == VERSION


def test_where_nobody_speaks_there_is_no_speech() -> None:
    assert judged(silence(9.0), []).verdict is Verdict.NO_SPEECH


@pytest.mark.parametrize(
    ("likely", "found"), [(0.9, Verdict.OK), (0.6, Verdict.LOW_CONFIDENCE), (0.3, Verdict.SUSPECTED)]
)
def test_improbable_words_are_doubted(likely: float, found: Verdict) -> None:
    assert verdict(segment(likely=likely)) is found


@pytest.mark.parametrize(
    ("log", "found"), [(-0.3, Verdict.OK), (-0.8, Verdict.LOW_CONFIDENCE), (-1.1, Verdict.SUSPECTED)]
)
def test_so_is_an_improbable_text_where_single_words_tell_nothing(log: float, found: Verdict) -> None:
    assert verdict(replace(segment(), log_probability=log)) is found


def test_an_engine_that_tells_nothing_of_itself_raises_no_doubt() -> None:
    assert verdict(segment()) is Verdict.OK


@pytest.mark.parametrize(("log", "found"), [(-0.75, Verdict.SUSPECTED), (-0.4, Verdict.OK)])
def test_what_the_engine_takes_for_silence_is_suspected_unless_it_is_sure_of_the_words(
    log: float, found: Verdict
) -> None:
    assert verdict(replace(segment("you"), log_probability=log, no_speech_probability=0.94)) is found


def test_a_loop_is_suspected_however_sure_the_engine_is() -> None:
    assert verdict(segment("Thank you for watching. " * 12, end=19.0, likely=0.99)) is Verdict.SUSPECTED


def test_what_is_said_twice_is_not() -> None:
    assert verdict(segment("Tear down the fence! Tear down the fence!", likely=0.9)) is Verdict.OK
    times = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of fools."
    assert verdict(segment(times, end=9.0, likely=0.9)) is Verdict.OK


def test_nobody_speaks_ten_words_in_a_second() -> None:
    assert verdict(segment(SAID, end=0.7)) is Verdict.SUSPECTED
    assert verdict(segment(SAID, end=1.5)) is Verdict.OK
    assert verdict(segment("Yes, of course.", end=0.2)) is Verdict.OK, "so short a time is not exact"


THAI = "สวัสดีครับ วันนี้อากาศดีมาก ผมอยากไปเที่ยวทะเลกับเพื่อน"  # 18 syllables of 41 letters


@pytest.mark.parametrize(("seconds", "found"), [(3.6, Verdict.OK), (2.6, Verdict.OK), (1.2, Verdict.SUSPECTED)])
def test_where_words_have_no_spaces_it_is_syllables_that_nobody_says_so_fast(seconds: float, found: Verdict) -> None:
    assert verdict(segment(THAI, end=seconds)) is found


def test_words_where_nobody_speaks_are_suspected() -> None:
    thanks = segment("Thank you.", start=15.0, end=17.0, likely=0.95)
    assert verdict(thanks, [Span(0.0, 12.0)]) is Verdict.SUSPECTED
    assert verdict(thanks, [Span(0.0, 12.0), Span(15.5, 16.5)]) is Verdict.OK


def test_the_words_tell_where_a_segment_is_that_spans_a_pause() -> None:
    words = (Word(text="Well", start=0.0, end=0.5), Word(text="yes", start=18.5, end=19.0))
    wide = Segment(text="Well yes", start=0.0, end=19.0, words=words)
    assert verdict(wide, [Span(0.0, 0.6), Span(18.4, 19.0)]) is Verdict.OK


def test_speech_without_words_makes_the_answer_incomplete() -> None:
    found = judged(transcript(segment(), segment("", 6.0, 9.0)), HEARD)
    assert [one.verdict for one in found.segments] == [Verdict.OK, Verdict.INCOMPLETE]
    assert found.verdict is Verdict.INCOMPLETE


def test_an_answer_with_something_suspected_is_suspected_first_of_all() -> None:
    found = judged(transcript(segment(), segment("", 6.0, 9.0), segment("Bye now.", 10.0, 12.0, likely=0.1)), HEARD)
    assert found.verdict is Verdict.SUSPECTED


def test_one_doubtful_sentence_of_many_makes_no_doubtful_answer() -> None:
    sure = [segment(start=4.0 * at, end=4.0 * at + 3.5, likely=0.9) for at in range(4)]
    doubtful = segment(start=16.0, end=19.0, likely=0.6)
    assert judged(transcript(*sure, doubtful), HEARD).verdict is Verdict.OK
    assert judged(transcript(*sure[:2], doubtful), HEARD).verdict is Verdict.LOW_CONFIDENCE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{SAID} " * 2, Verdict.OK),
        ("Thank you.", Verdict.INCOMPLETE),
        ("and so on " * 30, Verdict.SUSPECTED),
        (" ".join(str(number) for number in range(200)), Verdict.SUSPECTED),
    ],
)
def test_an_engine_without_times_is_judged_by_its_pace(text: str, found: Verdict) -> None:
    assert judged(transcript(text=text), HEARD).verdict is found


def test_a_short_answer_is_whole() -> None:
    assert judged(transcript(text="Yes."), [Span(0.0, 2.0)]).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("probability", "found"), [(None, Verdict.OK), (0.95, Verdict.OK), (0.5, Verdict.LOW_CONFIDENCE)]
)
def test_a_language_that_nobody_is_sure_of_is_told(probability: float | None, found: Verdict) -> None:
    for heard in (transcript(segment()), transcript(text=f"{SAID} {SAID}")):
        assert judged(replace(heard, language_probability=probability), HEARD).verdict is found
    graver = replace(transcript(segment(likely=0.3)), language_probability=probability)
    assert judged(graver, HEARD).verdict is Verdict.SUSPECTED


def long(minutes: int) -> tuple[Transcript, list[Span]]:
    """So many minutes of speech in sentences of five words, of which every tenth has no text."""
    said = [segment(start=2.0 * at, end=2.0 * at + 1.8, likely=0.9) for at in range(30 * minutes) if at % 10]
    return transcript(*said), [Span(2.0 * at, 2.0 * at + 1.8) for at in range(30 * minutes)]


def test_the_work_grows_with_the_length_of_the_answer_and_not_faster() -> None:
    def seconds(minutes: int) -> float:
        said, heard = long(minutes)
        began = time.thread_time()
        coverage.gaps(heard, said)
        judged(said, heard)
        return time.thread_time() - began

    short, endless = min(seconds(4) for _ in range(3)), min(seconds(64) for _ in range(2))
    assert endless < 16 * 4 * max(short, 0.002)  # sixteen times the length; quadratic would be 256 times the work
