"""Who works, and whether anything is stuck."""

from app.config import Settings
from app.finding import Finding, failing, ok, warning
from services.errors import size_of
from services.interviews.model import PartState
from services.operations.ports.retained import RecordKind
from services.operations.readings import Arriving, Forgetting, Line, Reading, Talking
from services.operations.retention import Policy
from services.recordings.ports.workers import WorkerSign

LATE_SECONDS = 300.0
STUCK_SECONDS = 1800.0
ERASURE_SECONDS = 900.0
SWEEPS_MISSED = 12


def looked_at(reading: Reading, settings: Settings) -> list[Finding]:
    """What the store says of the work."""
    silent = settings.lease_seconds * 2 + settings.sweep_seconds * 2
    return [
        workers(reading),
        queued(reading.lines[PartState.QUEUED]),
        processing(reading.lines[PartState.PROCESSING], silent),
        arriving(reading.arriving),
        calls(reading.talking, settings.rtp_ports, are_taken=settings.audio_cache_enabled),
        sweep(reading.totals.sweeps.age_seconds, settings.sweep_seconds),
        erasures(reading.forgetting),
        retention(settings.retention, reading.forgetting),
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


def arriving(now: Arriving) -> Finding:
    """Whether recordings in pieces of which nothing more comes are given up."""
    said = "none"
    if now.number:
        said = f"{now.number}, {size_of(now.bytes)}, the oldest for {now.oldest_seconds:.0f} s"
    if now.overdue_seconds > LATE_SECONDS:
        return failing("In pieces", said, "Some have expired and are not given up: look at the sweep.")
    return ok("In pieces", said)


def calls(now: Talking, wanted: str | None = None, *, are_taken: bool = True) -> Finding:
    """Whether calls are taken in, and ended when they should be."""
    ports = f"{now.places - now.with_ports} of {now.places} places by UDP free" if now.receivers else "none by UDP"
    said = (
        f"{now.number} open, {now.ending} ending; {ports if are_taken else 'none is taken in: AUDIO_CACHE_ENABLED=0'}"
    )
    if now.ending_seconds > LATE_SECONDS:
        return failing("Calls", said, "One takes nothing more and is not ended: look at the sweep.")
    if now.with_ports and not now.receivers:
        return failing("Calls", said, "Nobody takes in RTP by UDP, and calls wait for it: start `python -m app.rtp`.")
    if wanted and are_taken and not now.receivers:
        todo = f"Nobody takes in RTP at {wanted}: start `python -m app.rtp`; if it ends at once, its log says why."
        return warning("Calls", said, todo)
    return ok("Calls", said)


def erasures(now: Forgetting) -> Finding:
    """Whether what is to be erased goes."""
    line = now.erasures
    said = f"{line.number} not done, the oldest for {line.oldest_seconds:.0f} s" if line.number else "none waits"
    if line.oldest_seconds > ERASURE_SECONDS:
        todo = "Look for `not erased` in the upkeep worker's log; docs/operations.md#vivaerasurestuck."
        return failing("Erasures", said, todo)
    return ok("Erasures", said)


def retention(policy: Policy, now: Forgetting) -> Finding:
    """For how long what is kept, by which rules."""
    kept = [f"{kind.value} {limit}" for kind in RecordKind if (limit := policy.limit(kind))]
    held = f"; {now.holds} under a legal hold" if now.holds else ""
    return ok("Retention", f"{', '.join(kept) or 'everything for ever'}{held}")


def returned(number: int) -> Finding:
    """Whether what was erased is back."""
    if number:
        todo = "A backup was restored: run `python -m scripts.erasures apply FILE` with the newest exported journal."
        return failing("Erased sessions", f"{number} of those erased lately are back", todo)
    return ok("Erased sessions", "none is back")


def sweep(age: float | None, every: float) -> Finding:
    """Whether the sweep runs about as often as it should."""
    todo = "Start beat and a worker of the queue `upkeep`, or run `python -m scripts.cleanup` from cron."
    if age is None:
        return warning("Sweep", "has never run", todo)
    said = f"ran {age:.0f} s ago"
    return warning("Sweep", said, todo) if age > max(60.0, every * SWEEPS_MISSED) else ok("Sweep", said)
