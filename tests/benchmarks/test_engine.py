"""What the engine is measured on is the same in each run, and what is counted is what was meant."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import errors
from benchmarks.engine import material, sounds
from benchmarks.engine.lost import is_read
from benchmarks.engine.nobody import Hidden, made
from benchmarks.engine.readers import Heard
from benchmarks.samples import RATE, Clip, Said

FILE = Path("said.wav")
TONE = (8_000 * np.sin(np.arange(2 * RATE))).astype(np.int16)
VOICES = [Said(TONE, "one two three", "ann"), Said(TONE[::2], "four five", "bob")]


def test_errors_are_counted_apart() -> None:
    clips = [Clip(FILE, 1.0, "the child almost hurt the small dog"), Clip(FILE, 1.0, "drop the two")]
    found = errors(clips, ["the child almost hurt a dog", "drop the two now"])
    assert (found.substituted, found.left_out, found.added, found.said) == (1, 1, 1, 10)
    assert found.percent == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("heard", "read"),
    [
        ("Who hath not at present his heart?", True),
        ("Who hath not at his mouth", False),
        ("", False),
    ],
)
def test_a_sentence_is_read_where_enough_of_its_longer_words_are(heard: str, read: bool) -> None:
    assert is_read("Who hath not at present his heart, his mouth and his eyes full of disgust?", heard) is read


def test_what_has_no_longer_word_cannot_be_lost() -> None:
    assert is_read("So it is.", "")


def test_sixty_sounds_are_the_same_each_time_and_as_loud_as_they_say() -> None:
    several = sounds.catalogue(VOICES)
    assert len(several) == 60
    for number, one in enumerate(several):
        sound = one.sound(3.0, number)
        assert len(sound) == 3 * RATE
        assert np.array_equal(sound, one.sound(3.0, number))
        power = np.sqrt(np.mean(sound.astype(float) ** 2)) / sounds.LOUDEST
        if one.decibels is None:
            assert power == 0
        elif one.decibels > -80:  # what is quieter is less than one step of a sample
            assert 20 * np.log10(power) == pytest.approx(one.decibels, abs=2.5), one.name


def test_clips_in_a_row_have_a_pause_that_is_not_silent() -> None:
    row = material.in_a_row(VOICES, [0.5], np.random.default_rng(1))
    pause = row.sound[len(TONE) : len(TONE) + RATE // 2]
    assert row.text == "one two three four five"
    assert len(row.sound) == len(TONE) + RATE // 2 + len(TONE[::2])
    assert 0 < np.abs(pause).max() < 200


def test_without_recordings_the_demo_is_read(tmp_path: Path) -> None:
    (group,) = material.groups(tmp_path, None)
    assert {one.speaker for one in group.said} == {"slt", "rms"}
    assert all(60 <= clip.seconds <= 300 for clip in group.long)
    assert len(group.long) == 4
    assert len({clip.text for clip in group.long}) == 4
    assert material.pairs([group], 300, tmp_path) == []


def test_pairs_are_of_two_short_clips_and_the_same_each_time(tmp_path: Path) -> None:
    clips = [Clip(FILE, 3.0, "one"), Clip(Path("two"), 4.0, "two"), Clip(Path("long"), 12.0, "three")]
    group = material.Group("some", [VOICES[0], VOICES[1], VOICES[0]], clips, [])
    pairs = material.pairs([group], 300, tmp_path)
    assert len(pairs) == 2 * len(material.GAPS)
    assert {clip for pair in pairs for clip in (pair.first, pair.second)} == set(clips[:2])
    again = material.pairs([group], 300, tmp_path)
    assert [pair.both.file.read_bytes() for pair in pairs] == [pair.both.file.read_bytes() for pair in again]


def test_speech_is_hidden_as_deep_as_is_said(tmp_path: Path) -> None:
    group = material.Group("some", VOICES, [], [])
    silent = made([group], 10, tmp_path)
    assert len(silent.alone) == len(silent.hidden) == 10
    assert {one.decibels for one in silent.hidden} == {0.0, 5.0, 10.0, 15.0, 20.0}
    assert all(one.clip.seconds == pytest.approx(60.0) for one in silent.hidden)


def test_words_beside_what_was_said_are_invented() -> None:
    hidden = Hidden(Clip(FILE, 60.0, "thou also"), 10.0, 12.0, 10.0)
    heard = Heard("", [("Thank", 3.0, 3.4), ("thou", 9.8, 10.4), ("also", 11.0, 12.2), ("you", 14.0, 14.2)])
    assert hidden.outside(heard) == ["Thank", "you"]
