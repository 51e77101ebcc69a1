"""beat orders sweep and audit in time: whatever its clock is set to, and whatever an earlier one left."""

import pickle
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery.beat import Service
from celery.schedules import schedule

from app import steady_schedule
from app.config import Settings
from app.jobs import AUDIT, SWEEP, SWEEPS_PER_AUDIT, make_celery
from app.steady_schedule import Scheduler
from tests.scripts.running import until
from tests.servers import free_port, started

SWEEP_SECONDS = 5
SETTINGS = Settings(sweep_seconds=SWEEP_SECONDS)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    time = {"passed": 1000.0, "set": 0.0}
    monkeypatch.setattr(steady_schedule.Clock.__init__, "__defaults__", (lambda: time["passed"],))
    return time


def beat(file: Path, time: dict[str, float], ordered: list[str], monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    """It notes what it orders, and looks for no broker."""
    celery, began = make_celery(SETTINGS), datetime.now(UTC)
    monkeypatch.setattr(celery, "now", lambda: began + timedelta(seconds=time["passed"] - 1000 + time["set"]))
    monkeypatch.setattr(Scheduler, "producer", None)
    monkeypatch.setattr(Scheduler, "apply_async", lambda _, entry, **__: ordered.append(entry.task))
    return Scheduler(app=celery, schedule_filename=str(file))


@pytest.mark.parametrize("set_by", [-3600.0, -7.0, 0.0, 3600.0])
def test_a_clock_that_is_set_keeps_nothing_waiting(
    set_by: float, time: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered: list[str] = []
    scheduler = beat(tmp_path / "schedule", time, ordered, monkeypatch)

    def wait(seconds: int) -> None:
        ordered.clear()
        for _ in range(seconds):
            time["passed"] += 1
            scheduler.tick()

    seconds = 2 * SWEEP_SECONDS * SWEEPS_PER_AUDIT
    wait(seconds)
    scheduler.sync()
    time["set"] = set_by
    wait(seconds)
    assert abs(ordered.count(SWEEP) - seconds / SWEEP_SECONDS) <= 1
    assert ordered.count(AUDIT) in (1, 2, 3)


def test_what_was_noted_by_a_clock_that_was_set_back_while_beat_was_away_is_due() -> None:
    for each in make_celery(SETTINGS).conf.beat_schedule.values():
        now = each["schedule"].now()
        assert [each["schedule"].is_due(now + timedelta(hours=hours))[0] for hours in (0, 1)] == [False, True]


def test_what_beat_keeps_is_what_an_earlier_version_reads() -> None:
    for each in make_celery(SETTINGS).conf.beat_schedule.values():
        kept = pickle.loads(pickle.dumps(each["schedule"]))
        assert (type(kept), kept.run_every) == (schedule, each["schedule"].run_every)


def test_beat_starts_whatever_an_earlier_one_left_in_its_file(tmp_path: Path) -> None:
    celery, file = make_celery(SETTINGS), tmp_path / "schedule"

    def begun() -> set[str]:
        scheduler = Service(celery, schedule_filename=str(file), scheduler_cls=celery.conf.beat_scheduler).scheduler
        found = set(scheduler.schedule)
        scheduler.close()
        return found

    assert begun() >= {"sweep", "audit"}
    for kept in list(tmp_path.iterdir()):
        for damage in (b"", b"'entries', (0, 0)\n", b"\xff" * 100):
            kept.write_bytes(damage)
            assert begun() >= {"sweep", "audit"}


def test_beat_that_is_told_to_stop_ends_in_order_and_without_a_word(tmp_path: Path) -> None:
    log, where = tmp_path / "log", f"REDIS_URL=redis://127.0.0.1:{free_port()}/0"
    command = ["env", where, sys.executable, "-m", "celery", "-A", "tests.app.small_worker", "beat"]
    options = ["--loglevel", "DEBUG", "--schedule", str(tmp_path / "schedule")]
    with log.open("wb") as output, started([*command, *options], output) as process:
        until(lambda: "beat: Waking up" in log.read_text())  # its file is open by then
        process.terminate()
        assert process.wait(60) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
