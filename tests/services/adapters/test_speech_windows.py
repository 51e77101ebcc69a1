"""Windows of speech, the times in them, and what is doubted of what was written."""

import numpy as np
import pytest

from services.adapters.local_speech.hypotheses import Hypothesis, echoes
from services.adapters.local_speech.timestamps import Sentence, sentences
from services.adapters.local_speech.whisper import _without_guesses
from services.adapters.local_speech.windows import MOST_SECONDS, Window, batches, windows
from services.interviews.transcript import Span
from tests import audio

ZERO = 1_000


def touching(*lengths: float) -> list[Span]:
    ends = np.cumsum(lengths)
    return [Span(float(end - length), float(end)) for end, length in zip(ends, lengths, strict=True)]


def test_a_short_answer_is_one_window() -> None:
    assert windows(touching(3.0, 4.0)) == [Window(tuple(touching(3.0, 4.0)))]


def test_without_speech_there_is_no_window() -> None:
    assert windows([]) == []


def test_a_long_answer_is_cut_at_its_pauses_into_windows_of_about_the_same_length() -> None:
    spans = touching(*[2.0] * 25)
    found = windows(spans)
    assert [span for window in found for span in window.spans] == spans
    assert [window.seconds for window in found] == [16.0, 18.0, 16.0]


@pytest.mark.parametrize("lengths", [[65.0], [19.0, 19.0, 19.0], [1.0, 45.0, 0.5], [11.0] * 7])
def test_no_window_is_longer_than_the_model_reads_well_and_nothing_is_lost(lengths: list[float]) -> None:
    found = windows(touching(*lengths))
    assert all(window.seconds <= MOST_SECONDS + 1e-6 for window in found)
    assert sum(window.seconds for window in found) == pytest.approx(sum(lengths))


def test_a_moment_of_a_window_has_its_place_in_the_recording() -> None:
    window = Window((Span(10.0, 12.0), Span(30.0, 35.0)))
    assert window.place(0.5, 1.5) == Span(10.5, 11.5)
    assert window.place(2.5, 4.0) == Span(30.5, 32.0)
    assert window.place(1.0, 2.5) == Span(11.0, 12.0)
    assert window.place(6.0, 9.0) == Span(34.0, 35.0)


def test_a_sentence_that_goes_on_over_several_spans_covers_all_of_them() -> None:
    window = Window((Span(10.0, 12.0), Span(12.0, 14.0), Span(30.0, 35.0)))
    assert window.stretch(0.5, 3.5) == Span(10.5, 13.5)
    assert window.stretch(0.0, 4.0) == Span(10.0, 14.0)
    assert window.stretch(2.0, 5.0) == Span(12.0, 31.0)
    assert window.stretch(4.0, 4.0) == Span(30.0, 30.0)


def test_a_window_has_the_sound_of_its_spans() -> None:
    sound = np.concatenate([audio.tone(1.0), audio.silence(1.0), audio.tone(1.0)])
    window = Window((Span(0.0, 1.0), Span(2.0, 3.0)))
    heard = window.sound(audio.recording(sound))
    assert len(heard) == 2 * audio.RATE
    assert 0.2 < float(np.abs(heard).max()) < 0.3


@pytest.mark.parametrize(
    ("count", "lots"), [(0, []), (1, [1]), (2, [1, 1]), (4, [2, 2]), (5, [2, 3]), (8, [4, 4]), (9, [3, 3, 3])]
)
def test_windows_are_read_together_in_few_lots_but_never_all_by_one_core(count: int, lots: list[int]) -> None:
    several = [Window((Span(float(number), number + 1.0),)) for number in range(count)]
    found = batches(several)
    assert [len(lot) for lot in found] == lots
    assert [window for lot in found for window in lot] == several


def test_sentences_have_the_times_around_them() -> None:
    tokens = [ZERO, 5, 6, ZERO + 100, ZERO + 150, 7, ZERO + 200]
    assert list(sentences(tokens, ZERO, 10.0)) == [Sentence([5, 6], 0.0, 2.0), Sentence([7], 3.0, 4.0)]


def test_a_sentence_whose_end_is_not_told_ends_with_the_window() -> None:
    assert list(sentences([ZERO + 50, 5, 6], ZERO, 4.0)) == [Sentence([5, 6], 1.0, 4.0)]
    assert list(sentences([5], ZERO, 4.0)) == [Sentence([5], 0.0, 4.0)]


def test_no_time_is_after_the_window_or_goes_back() -> None:
    tokens = [ZERO, 5, ZERO + 400, ZERO + 300, 6, ZERO + 900]
    assert list(sentences(tokens, ZERO, 9.0)) == [Sentence([5], 0.0, 8.0), Sentence([6], 8.0, 9.0)]


@pytest.mark.parametrize(
    ("said", "repeated"),
    [
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], True),
        ([9, 9, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7], True),
        ([1, 2, 3, 1, 2, 3], False),
        ([1, 2, 3, 4, 5, 8, 1, 2, 3, 4, 5], False),
        ([], False),
    ],
)
def test_a_phrase_that_is_said_twice_in_a_row_is_an_echo(said: list[int], repeated: bool) -> None:
    assert echoes(said) == repeated


def hypothesis(end: float, log_probability: float = -0.3, loops: bool = False) -> Hypothesis:
    return Hypothesis((Sentence([1, 2], 0.0, end),), log_probability, 0.0, loops)


def test_no_text_is_better_than_one_that_covers_more() -> None:
    assert not hypothesis(2.0, -0.1).is_better(hypothesis(9.0, -0.6))
    assert hypothesis(9.0, -0.6).is_better(hypothesis(2.0, -0.1))
    assert hypothesis(9.0, -0.1).is_better(hypothesis(9.1, -0.6))


def test_a_loop_is_worse_than_any_other_text() -> None:
    assert hypothesis(2.0, -0.9).is_better(hypothesis(20.0, -0.1, loops=True))


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "silent"), [(0.8, -0.8, True), (0.8, -0.6, False), (0.5, -0.9, False)]
)
def test_an_unlikely_text_where_nobody_may_speak_is_silence(
    no_speech: float, log_probability: float, silent: bool
) -> None:
    assert Hypothesis((), log_probability, no_speech, False).is_silence == silent


@pytest.mark.parametrize(
    ("no_speech", "words", "guessed"),
    [(0.6, [0.02, 0.5], True), (0.6, [0.9, 0.5], False), (0.2, [0.02], False), (0.9, [], False)],
)
def test_unlikely_words_where_nobody_may_speak_are_guesses(no_speech: float, words: list[float], guessed: bool) -> None:
    assert Hypothesis((), -0.2, no_speech, False).is_guessed(words) == guessed


@pytest.mark.parametrize(
    ("ends", "left"),
    [
        ([1.0, 2.0, 2.0, 2.0], "makes it"),
        ([1.0, 2.0, 3.0, 3.0], "makes it the end"),
        ([1.0, 2.0, 3.0, 4.0], "makes it the end"),
    ],
)
def test_words_that_took_no_time_at_the_end_of_a_window_were_not_said(ends: list[float], left: str) -> None:
    starts = [0.0, *ends[:-1]]
    words = [
        {"word": word, "start": start, "end": end}
        for word, start, end in zip([" makes", " it", " the", " end"], starts, ends, strict=True)
    ]
    last = {"text": "makes it the end", "words": words}
    _without_guesses(last)
    assert last["text"] == left
    assert len(last["words"]) == len(left.split())
