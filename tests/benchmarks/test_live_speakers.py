"""How many speakers are tried next, until it is known how many are too many."""

import pytest

from benchmarks.live_speakers import BOUND, NEAR, Trial, following, most, search

MANY = 25


def tried(bears: int, first: int) -> list[Trial]:
    """The trials of a machine that bears so many."""
    trials = list[Trial]()
    speakers: int | None = first
    while speakers is not None and len(trials) < MANY:
        trials.append(Trial(speakers, 10.0 if speakers <= bears else BOUND + 1))
        speakers = following(trials)
    return trials


@pytest.mark.parametrize("bears", [1, 2, 3, 7, 24, 25, 100])
@pytest.mark.parametrize("first", [1, 4, 24])
def test_what_a_machine_bears_is_found_closely_enough(bears: int, first: int) -> None:
    trials = tried(bears, first)
    assert most(trials) <= bears <= max(most(trials) + 1, NEAR * most(trials))
    assert len({one.speakers for one in trials}) == len(trials) < MANY


def test_a_machine_that_bears_nobody_is_told_as_such() -> None:
    trials = tried(0, 8)
    assert (most(trials), trials[-1].speakers) == (0, 1)


def test_it_is_looked_on_until_some_are_borne_however_long_that_takes() -> None:
    trials = search(22, 0.0, lambda speakers: Trial(speakers, 10.0 if speakers <= 12 else BOUND + 1))
    assert [one.speakers for one in trials] == [22, 11]
