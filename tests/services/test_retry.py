from services.errors import AudioUnreadable, EngineBusy, EngineUnavailable
from services.retry import LONGEST_DELAY, Again, GiveUp, backoff, decide, seconds_asked


def test_delays_grow_to_a_limit() -> None:
    assert [backoff(n) for n in (1, 2, 3, 4, 5)] == [2.0, 8.0, 32.0, 120.0, 120.0]


def test_a_passing_problem_is_tried_again() -> None:
    assert decide(EngineUnavailable(), 1, 5) == Again(2.0)


def test_the_last_delivery_is_the_last() -> None:
    assert decide(EngineUnavailable(), 5, 5) == GiveUp()


def test_a_lasting_problem_is_not_tried_again() -> None:
    assert decide(AudioUnreadable(), 1, 5) == GiveUp()


def test_the_engine_may_ask_for_more_time_within_bounds() -> None:
    assert decide(EngineBusy(retry_after=20.0), 1, 5) == Again(20.0)
    assert decide(EngineBusy(retry_after=9999.0), 1, 5) == Again(LONGEST_DELAY)


def test_seconds_are_taken_where_they_can_be_waited_for() -> None:
    assert [seconds_asked(header) for header in ("7", "0.5", "0")] == [7.0, 0.5, 0.0]
    for header in (None, "", "soon", "-1", "nan", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert seconds_asked(header) is None
