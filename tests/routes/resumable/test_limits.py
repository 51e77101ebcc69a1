from datetime import UTC, datetime, timedelta

from routes.resumable.limits import Limits, http_date

LIMITS = Limits(most_bytes=500, life_seconds=60.0)


def test_before_an_upload_is_begun_its_whole_life_is_told() -> None:
    assert LIMITS.told() == "max-size=500, max-age=60"
    assert LIMITS.told(is_sixth=True) == "max-size=500, expires=60"


def test_of_an_upload_what_is_left_of_it_is_told() -> None:
    now = datetime.now(UTC)
    left = int(LIMITS.told(now + timedelta(seconds=3600)).rpartition("=")[2])
    assert 3500 < left <= 3600
    assert LIMITS.told(now - timedelta(days=1)) == "max-size=500, max-age=0"


def test_dates_are_those_of_http() -> None:
    moment = datetime(2026, 11, 28, 9, 5, 7, tzinfo=UTC)
    assert http_date(moment) == "Sat, 28 Nov 2026 09:05:07 GMT"
