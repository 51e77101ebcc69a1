"""Who works, and whether anything is stuck."""

from app.config import Settings
from app.finding import Finding, failing, ok, warning
from services.interviews.model import PartState
from services.operations.readings import Line, Reading
from services.recordings.ports.workers import WorkerSign

LATE_SECONDS = 300.0
STUCK_SECONDS = 1800.0
SWEEPS_MISSED = 12


def looked_at(reading: Reading, settings: Settings) -> list[Finding]:
    """What the store says of the work."""
    silent = settings.lease_seconds * 2 + settings.sweep_seconds * 2
    return [
        workers(reading),
        queued(reading.lines[PartState.QUEUED]),
        processing(reading.lines[PartState.PROCESSING], silent),
        sweep(reading.totals.sweeps.age_seconds, settings.sweep_seconds),
    ]


def workers(reading: Reading) -> Finding:
    """Whether anybody transcribes."""
    if not reading.workers:
        todo = "Start one: celery -A celery_app worker. If one runs, its log says why it is not ready."
        return failing("Workers", "none gives a sign of life", todo)
    return ok("Workers", f"{reading.workers} alive, {reading.slots} answers at once")


def engines(workers: list[WorkerSign]) -> list[Finding]:
    """What the workers have loaded, where, and how fast it is."""
    return [ok("Loaded", said) for said in sorted({worker.engine for worker in workers})]


def queued(line: Line) -> Finding:
    """Whether what waits waits too long."""
    said = f"{line.number} wait, the oldest for {line.oldest_seconds:.0f} s" if line.number else "nothing waits"
    todo = "Start more workers; if those that run are idle, look at the sweep."
    if line.oldest_seconds > STUCK_SECONDS:
        return failing("Queue", said, todo)
    return warning("Queue", said, todo) if line.oldest_seconds > LATE_SECONDS else ok("Queue", said)


def processing(line: Line, silent: float) -> Finding:
    """Whether a claim was silent for longer than the sweep should let it."""
    said = f"{line.number} in work, heard of {line.silent_seconds:.0f} s ago" if line.number else "nothing in work"
    if line.silent_seconds > silent:
        return failing(
            "In work", said, "Their worker is gone and the sweep does not take them back: look at the sweep."
        )
    return ok("In work", said)


def sweep(age: float | None, every: float) -> Finding:
    """Whether the sweep runs about as often as it should."""
    todo = "Start beat and a worker of the queue `upkeep`, or run `python -m scripts.cleanup` from cron."
    if age is None:
        return warning("Sweep", "has never run", todo)
    said = f"ran {age:.0f} s ago"
    return warning("Sweep", said, todo) if age > max(60.0, every * SWEEPS_MISSED) else ok("Sweep", said)
