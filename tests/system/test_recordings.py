"""Recordings as broken recorders and headsets make them, through the whole stack: all that was said, what is wrong."""

from typing import Any

import numpy as np
import pytest

from tests.audio import RATE, spoken
from tests.browser_recordings import chromium
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples, sound_of, word_error_rate

FIRST, SECOND = samples()[:2]


def answer_to(stack: Stack, recording: bytes) -> dict[str, Any]:
    with stack.client() as client:
        session = create(client, FIRST.question)
        upload(client, session, FIRST.id, recording)
        answer: dict[str, Any] = wait_for(client, session, FIRST.id)
    assert (answer["status"], answer["file_id"]) == ("completed", None)
    return answer


def test_two_recordings_in_one_file_are_both_heard(stack: Stack) -> None:
    answer = answer_to(stack, FIRST.audio.read_bytes() + SECOND.audio.read_bytes())
    assert word_error_rate(f"{FIRST.said} {SECOND.said}", answer["transcript"]) < 0.15
    assert answer["warnings"] == ["joined"]
    (joint,) = answer["warning_details"]
    assert joint["at"] == pytest.approx(len(sound_of(FIRST.audio)) / RATE, abs=0.1)


@pytest.mark.long
def test_opposite_channels_are_heard(stack: Stack) -> None:
    sound = sound_of(FIRST.audio)
    answer = answer_to(stack, spoken("webm", np.stack((sound, -sound)), RATE))
    assert word_error_rate(FIRST.said, answer["transcript"]) < 0.15
    assert answer["warnings"] == []


def test_a_hole_is_told_and_the_words_before_and_behind_it_are_heard(stack: Stack) -> None:
    sound = sound_of(FIRST.audio)
    whole = chromium(np.repeat(sound, 3), 3 * RATE)
    hole = len(whole) // 3
    answer = answer_to(stack, whole[:hole] + whole[hole + 8_000 :])
    assert answer["warnings"] == ["gap"]
    (gap,) = answer["warning_details"]
    assert gap["at"] == pytest.approx(len(sound) / RATE / 3, abs=1.5)
    assert 0.5 < gap["seconds"] < 2.5
    assert answer["duration_seconds"] == pytest.approx(len(sound) / RATE, abs=0.2)
    assert word_error_rate(FIRST.said, answer["transcript"]) < 0.25
