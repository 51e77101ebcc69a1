"""Hours of sound: by what is held whether it grows, and by a file's head how long it is."""

import numpy as np
import pytest

from benchmarks.long_worker import Look, Work, _again, growth
from benchmarks.quick_speech import SAMPLES, seconds_of
from services.adapters.openai_speech import packed


def looks(slope: float, noise: float) -> list[Look]:
    chance = np.random.default_rng(3)
    return [
        Look(240.0 * stretch, 200.0 + slope * stretch / 15 + chance.normal(0.0, noise), 0.0)
        for stretch in range(50)
        for _ in range(6)
    ]


def test_what_grows_is_told_from_noise() -> None:
    slope, noise = growth(looks(slope=5.0, noise=4.0))
    assert slope == pytest.approx(5.0, abs=3 * noise)
    assert slope > 4 * noise


def test_what_does_not_grow_has_a_slope_within_its_noise() -> None:
    slope, noise = growth(looks(slope=0.0, noise=4.0))
    assert abs(slope) < 3 * noise < 3.0


def test_of_too_few_stretches_nothing_is_said() -> None:
    with pytest.raises(ValueError, match="longer"):
        growth(looks(slope=0.0, noise=1.0)[:12])


def test_what_is_done_again_is_a_share_of_all() -> None:
    (given,) = _again(Work(7200.0, 100.0), Work(7350.0, 120.0), 2.0, None)
    assert given.ratio == pytest.approx(2.083)
    (spent,) = _again(Work(0.0, 400.0), Work(0.0, 430.0), 2.0, "tiny.en")
    assert (spent.ratio, spent.is_met) == (7.5, False)


@pytest.mark.parametrize("seconds", [1.5, 20.0, 300.0])
def test_a_flac_file_says_in_its_head_how_long_it_is(seconds: float) -> None:
    _, data, _ = packed(bytes(2 * round(16_000 * seconds)), 25_000_000)
    assert seconds_of(data[: SAMPLES.stop]) == pytest.approx(seconds)
