"""How long to wait for a server: what it asks for, or ever longer."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_DELAY = 120.0
LONGEST_WAIT = 24 * 3600.0


def longer(first: float, number: int) -> float:
    """The n-th wait (from 1), each four times the one before, to a limit."""
    return min(LONGEST_DELAY, first * 4.0 ** min(number - 1, 9))


def seconds_asked(retry_after: str | None, date: str | None = None) -> float | None:
    """The seconds that a Retry-After names, as a number or as a moment after the answer's own Date; None if none."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return _until(_moment(retry_after), _moment(date))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(moment: datetime | None, now: datetime | None) -> float | None:
    if moment is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))) / timedelta(seconds=1))


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
