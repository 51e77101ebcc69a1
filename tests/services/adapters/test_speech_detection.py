"""Which language is spoken, by what a model hears: no model is asked here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.local_speech.detection import MOST_PLACES, Detection, Hearing, detected, places
from services.adapters.local_speech.windows import Window
from services.interviews.language import LANGUAGES, Language
from services.interviews.transcript import Span

EN, DE, EL = Language("en"), Language("de"), Language("el")
ALL = sorted(LANGUAGES)


def hearing(seconds: float = 5.0, **probabilities: float) -> Hearing:
    return Hearing({Language(code): probability for code, probability in probabilities.items()}, seconds)


def window(start: float, seconds: float) -> Window:
    return Window((Span(start, start + seconds),))


def test_the_most_probable_language_is_spoken() -> None:
    found = detected([hearing(en=0.9, de=0.06, el=0.04)], ALL)
    assert found == Detection(EN, 0.9)
    assert found.is_sure


def test_of_a_list_only_what_is_in_it_can_be_spoken() -> None:
    found = detected([hearing(el=0.9, en=0.06, de=0.04)], [EN, DE])
    assert (found.language, found.probability) == (EN, 0.6)
    assert not found.is_sure


def test_what_is_likeliest_decides_where_little_is_said_and_not_where_much_is() -> None:
    for seconds, spoken in ((0.7, DE), (5.0, EN)):
        assert detected([hearing(seconds, en=0.85, de=0.1)], [EN, DE], DE).language == spoken
    assert detected([hearing(0.7, en=0.85, de=0.1)], [EN, DE]).language == EN


def test_in_a_moment_nothing_is_sure() -> None:
    assert not detected([hearing(0.5, el=0.99)], ALL).is_sure
    assert detected([hearing(2.0, el=0.99)], ALL).is_sure


def test_more_places_outvote_one_by_their_length() -> None:
    first, other = hearing(5.0, nl=0.6, en=0.4), hearing(5.0, en=0.99, nl=0.01)
    assert detected([first], ALL).language == "nl"
    assert detected([first, other], ALL).language == "en"
    assert detected([hearing(50.0, nl=0.99, en=0.01), other], ALL).language == "nl"


def test_a_likeliest_language_that_the_model_does_not_know_changes_nothing() -> None:
    heard = [hearing(en=0.6, de=0.3)]
    assert detected(heard, [EN, DE], Language("haw")) == detected(heard, [EN, DE])


@pytest.mark.parametrize(
    ("count", "starts"), [(1, [0]), (2, [0, 10]), (3, [0, 10, 20]), (9, [10, 40, 70]), (100, [160, 500, 830])]
)
def test_it_is_listened_for_all_over_a_recording(count: int, starts: list[int]) -> None:
    assert [place.spans[0].start for place in places([window(10.0 * at, 10.0) for at in range(count)])] == starts


def test_long_windows_go_first() -> None:
    assert [place.seconds for place in places([window(0, 1.0), window(5, 9.0), window(20, 4.0)])] == [9.0, 4.0, 1.0]


PROBABILITIES = st.dictionaries(st.sampled_from(ALL), st.floats(0, 1), max_size=5)


@given(
    st.lists(st.builds(Hearing, PROBABILITIES, st.floats(0.01, 30)), min_size=1, max_size=MOST_PLACES),
    st.lists(st.sampled_from(ALL), min_size=1, unique=True),
    st.none() | st.sampled_from(ALL),
)
def test_something_is_always_found_and_its_probability_is_one(
    heard: list[Hearing], among: list[Language], likeliest: Language | None
) -> None:
    found = detected(heard, among, likeliest)
    assert found.language in among
    assert found.probability is not None
    assert 0 < found.probability <= 1
