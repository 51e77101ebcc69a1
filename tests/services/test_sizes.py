"""Sizes are told in units that people read."""

import pytest

from services.errors import AudioTooLarge, size_of


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (52_428_800, "52.4 MB"), (4_294_967_296, "4.29 GB")],
)
def test_a_size_is_told_in_its_unit(size: int, said: str) -> None:
    assert size_of(size) == said


def test_what_is_too_large_is_told_with_the_most_that_is_taken() -> None:
    assert "larger than 52.4 MB" in str(AudioTooLarge.over(52_428_800))
