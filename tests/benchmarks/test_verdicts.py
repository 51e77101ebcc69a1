"""Words are counted where they stand, and noise is as loud as it is called."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy import rights_and_wrongs
from benchmarks.samples import Said, halves
from benchmarks.verdicts import mixed

SILENCE = np.zeros(16_000, np.int16)


@pytest.mark.parametrize(
    ("heard", "counts"),
    [
        (["It is a tree.", "And so on."], [(4, 0), (3, 0)]),
        (["It's a free", "and so on and on"], [(1, 2), (3, 2)]),
        (["", "Thank you."], [(0, 0), (0, 2)]),
        (["and so on"], [(3, 0)]),
        ([], []),
    ],
)
def test_right_and_wrong_words_are_counted_where_they_stand(heard: list[str], counts: list[tuple[int, int]]) -> None:
    assert rights_and_wrongs("It is a tree, and so on.", heard) == counts


def test_no_speaker_is_in_both_halves_and_the_unknown_are_several() -> None:
    ann, bob, nobody = (Said(SILENCE, text, who) for text, who in (("a b c", "ann"), ("a b", "bob"), ("a", "")))
    first, second = halves([ann, bob, ann, nobody, replace(nobody), bob])
    assert {one.speaker for one in first} == {"ann"}
    assert {one.speaker for one in second} == {"bob", ""}
    assert len(first) + len(second) == 6


def test_the_noise_is_so_many_decibels_below() -> None:
    speech = (8_000 * np.sin(np.arange(32_000))).astype(np.int16)
    chance = np.random.default_rng(1)
    noise = mixed(speech, 10.0, chance) - speech.astype(float)
    level = 20 * np.log10(np.sqrt(np.mean(speech.astype(float) ** 2)) / np.sqrt(np.mean(noise**2)))
    assert level == pytest.approx(10.0, abs=0.1)
    assert np.abs(mixed(32_000 * np.sign(speech), 0.0, chance)).max() <= 32_000
