from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from services.errors import AudioKeyGone, AudioUnreadable, EngineBusy, EngineUnavailable, KeyringUnavailable
from services.retry_after import LONGEST_WAIT, seconds_asked
from services.transcription.retry import Again, GiveUp, Wait, backoff, decide


def test_delays_grow_to_a_limit() -> None:
    assert [backoff(n) for n in (1, 2, 3, 4, 5)] == [2.0, 8.0, 32.0, 120.0, 120.0]


def test_a_passing_problem_is_tried_again() -> None:
    assert decide(EngineUnavailable(), 1, 5) == Again(2.0)


def test_the_last_delivery_is_the_last() -> None:
    assert decide(EngineUnavailable(), 5, 5) == GiveUp()


def test_a_lasting_problem_is_not_tried_again() -> None:
    assert decide(AudioUnreadable(), 1, 5) == GiveUp()


def test_an_engine_that_fails_may_ask_for_more_time() -> None:
    assert decide(EngineUnavailable(retry_after=20.0), 1, 5) == Again(20.0)
    assert decide(EngineUnavailable(retry_after=9999.0), 1, 5) == Again(9999.0)
    assert decide(EngineUnavailable(retry_after=1e9), 1, 5) == Again(LONGEST_WAIT)


@pytest.mark.parametrize("delivery", [1, 5])
def test_a_keyring_that_is_away_is_waited_for_and_costs_no_delivery(delivery: int) -> None:
    assert isinstance(decide(KeyringUnavailable(), delivery, 5), Wait)
    assert decide(AudioKeyGone(), delivery, 5) == GiveUp()


@pytest.mark.parametrize("delivery", [1, 5])
def test_to_wait_is_not_to_fail(delivery: int) -> None:
    assert decide(EngineBusy(retry_after=20.0), delivery, 5) == Wait(20.0)
    assert decide(EngineBusy(retry_after=9999.0), delivery, 5) == Wait(9999.0)
    assert decide(EngineBusy(), 2, 5) == Wait(8.0)


def test_who_has_waited_for_a_day_fails_like_any_other() -> None:
    assert decide(EngineBusy(retry_after=20.0), 1, 5, LONGEST_WAIT - 1) == Wait(20.0)
    assert decide(EngineBusy(retry_after=20.0), 1, 5, LONGEST_WAIT) == Again(20.0)
    assert decide(EngineBusy(retry_after=20.0), 5, 5, LONGEST_WAIT) == GiveUp()


def test_seconds_are_taken_where_they_can_be_waited_for() -> None:
    assert [seconds_asked(header) for header in ("7", "0.5", "0", "1800")] == [7.0, 0.5, 0.0, 1800.0]
    for header in (
        None,
        "",
        "soon",
        "-1",
        "nan",
        "inf",
        "Wed, 99 Oct 2026 07:28:00 GMT",
        f"Wed, 1 Oct {10**20} 07:28:00 GMT",
    ):
        assert seconds_asked(header) is None


def test_a_moment_is_held_against_the_clock_of_who_names_it() -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert seconds_asked("Wed, 21 Oct 2026 07:30:05 GMT", date) == 125.0
    assert seconds_asked("Wed, 21 Oct 2026 09:30:05 +0200", date) == 125.0
    assert seconds_asked("Wed, 21 Oct 2026 07:00:00 GMT", date) == 0.0


def test_without_a_date_it_is_held_against_our_own_clock() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert seconds_asked(moment) == pytest.approx(90.0, abs=30.0)
    assert seconds_asked(moment, "no date") == pytest.approx(90.0, abs=30.0)
