"""When beat orders something: by the time that passes, whatever becomes of the machine's clock."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from celery.beat import PersistentScheduler
from celery.schedules import schedstate, schedule

log = structlog.get_logger(__name__)


class Clock:
    """Begins at the machine's time, and goes on by seconds that nobody sets."""

    def __init__(self, passed: Callable[[], float] = time.monotonic) -> None:
        self._begun, self._at, self._passed = datetime.now(UTC), passed(), passed

    def now(self) -> datetime:
        return self._begun + timedelta(seconds=self._passed() - self._at)


class Steady(schedule):
    """Every so many seconds; what was last done later than now was noted by a clock that was set back since."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        super().__init__(timedelta(seconds=seconds), nowfun=clock.now)

    def is_due(self, last_run_at: datetime) -> Any:
        if self.maybe_make_aware(last_run_at) > self.now():
            return schedstate(is_due=True, next=self.seconds)
        return super().is_due(last_run_at)

    def __reduce__(self) -> Any:
        """What beat keeps in its file is what any version of it reads; its own is put in its place at the start."""
        return schedule, (timedelta(seconds=self.seconds), self.relative)


class Scheduler(PersistentScheduler):
    """Begins anew where its file is damaged, as a kill or a full disk leaves it: nothing in it is worth a stop."""

    _is_closed = False

    def setup_schedule(self) -> None:
        try:
            super().setup_schedule()
        except Exception as error:
            kept: Any = self
            log.warning("beat begins anew", file=kept.schedule_filename, error=type(error).__name__)
            with suppress(Exception):
                kept._store.close()
            kept._remove_db()
            super().setup_schedule()

    def sync(self) -> None:
        """What was written is read anew, and has lost when it is due by our clock."""
        super().sync()
        kept: Any = self
        for name, own in kept.app.conf.beat_schedule.items():
            kept.schedule[name].schedule = own["schedule"]

    def close(self) -> None:
        """Who is told to stop by a signal closes it twice."""
        if not self._is_closed:
            self._is_closed = True
            super().close()
