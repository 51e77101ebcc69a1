"""What the store says, in the form that Prometheus reads."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from services.access.ports import Tokens
from services.background import Kind
from services.calls.packets.rtp import Oddity
from services.errors import TranscriptionProblem
from services.interviews.model import ENDED
from services.operations.overview import Sight
from services.operations.ports.retained import RecordKind
from services.operations.readings import (
    CALL_ENDS,
    FATES,
    OUTCOMES,
    PROCESSING_BOUNDS,
    TURNAROUND_BOUNDS,
    Arriving,
    EpochsStanding,
    Histogram,
    Line,
    Passes,
    Reading,
    ReceiptsStanding,
    Talking,
    Totals,
)
from services.operations.sweep import Counts
from services.recordings.ports.keyring import EpochState
from services.recordings.receipts import WITHOUT_END

NEVER = float("inf")
KEYS = {"keys_destroyed": "destroyed", "keys_lost": "lost"}
ORPHANS = {"stray_files": "files", "stray_chunks": "chunks"}


class Seen:
    """A collector of one sight; for a registry that lives as long as one answer."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight

    def collect(self) -> Iterator[Metric]:
        reading, rings = self.sight.reading, self.sight.rings
        yield _gauge("viva_store_up", "Whether MongoDB answered in time.", reading is not None)
        yield _gauge("viva_broker_up", "Whether Redis answered in time.", rings is not None)
        if rings is not None:
            yield _gauge("viva_rings_waiting", "Rings to transcribe that no worker has taken.", rings)
        if reading is not None:
            yield from _standing(reading)
            yield from _done(reading.totals)


class Beside:
    """A collector of whom this process asks besides the stores."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def collect(self) -> Iterator[Metric]:
        answers = self.tokens.provider_answers()
        yield _gauge("viva_identity_up", "Whether the identity provider gave its keys when asked last.", answers)


def _standing(reading: Reading) -> Iterator[Metric]:
    lines = {state.value: line for state, line in sorted(reading.lines.items())}
    yield _by_state("viva_parts", "Recordings in this state.", {s: line.number for s, line in lines.items()})
    oldest = {state: line.oldest_seconds for state, line in lines.items()}
    yield _by_state("viva_oldest_seconds", "Age of the oldest recording in this state since its upload began.", oldest)
    silent = {state: line.silent_seconds for state, line in lines.items() if state != "queued"}
    yield _by_state("viva_silent_seconds", "Longest time without a sign from who uploads or transcribes.", silent)
    yield from _arriving(reading.arriving)
    yield from _talking(reading.talking)
    yield from _line("viva_unsettled", "Ended recordings whose clean-up is not confirmed", reading.unsettled)
    yield from _line("viva_scoring", "Transcripts that wait for their score", reading.scoring)
    yield _gauge("viva_webhooks_backlog", "Deliveries to webhooks that are not done.", reading.webhooks.number)
    overdue = reading.webhooks.oldest_seconds
    yield _gauge("viva_webhooks_overdue_seconds", "Since when the longest due of these was to be sent.", overdue)
    yield _gauge("viva_kept_recordings", "Recordings of failed answers that are kept for a retry.", reading.kept)
    yield _gauge("viva_audio_files", "Recordings stored.", reading.files)
    yield _gauge("viva_audio_bytes", "Bytes of the recordings stored.", reading.bytes)
    yield from _epochs(reading.epochs)
    yield from _forgetting(reading)
    yield from _receipts(reading.receipts)
    if reading.disk is not None:
        yield _gauge("viva_store_disk_bytes", "Size of the disk that MongoDB writes to.", reading.disk.bytes)
        yield _gauge("viva_store_disk_free_bytes", "Bytes free on it.", reading.disk.free)
    yield _gauge("viva_workers", "Workers that gave a sign of life lately.", reading.workers)
    yield _gauge("viva_worker_slots", "Recordings that these workers transcribe at once.", reading.slots)


def _arriving(arriving: Arriving) -> Iterator[Metric]:
    yield _gauge("viva_arrivals", "Recordings that arrive in pieces.", arriving.number)
    yield _gauge("viva_arrivals_bytes", "Bytes of these that are here, to a chunk of each.", arriving.bytes)
    yield _gauge("viva_arrivals_oldest_seconds", "Age of the oldest of these.", arriving.oldest_seconds)
    late = arriving.overdue_seconds
    yield _gauge("viva_arrivals_overdue_seconds", "Since when one has expired that has not been given up.", late)
    behind = arriving.behind_seconds
    yield _gauge("viva_arrivals_behind_seconds", "Since when a stretch has been due that is not heard yet.", behind)


def _talking(now: Talking) -> Iterator[Metric]:
    yield _gauge("viva_calls", "Calls that are open.", now.number)
    yield _gauge("viva_calls_with_ports", "Of these, those that have ports for RTP by UDP.", now.with_ports)
    yield _gauge("viva_calls_silent_seconds", "Longest time without anything of an open call.", now.silent_seconds)
    yield _gauge("viva_calls_jitter_seconds", "Largest jitter of a side of an open call.", now.jitter_seconds)
    yield _gauge("viva_calls_ending", "Calls that take nothing more and have not ended.", now.ending)
    yield _gauge("viva_calls_ending_seconds", "Since when the first of these takes nothing more.", now.ending_seconds)
    yield _gauge("viva_rtp_receivers", "Processes that take in RTP by UDP.", now.receivers)
    yield _gauge("viva_rtp_places", "Calls that these take in at once.", now.places)


def _forgetting(reading: Reading) -> Iterator[Metric]:
    oldest, now = reading.oldest_recording_seconds, reading.forgetting
    yield _gauge("viva_oldest_recording_seconds", "Age of the oldest recording that is stored.", oldest)
    yield _gauge("viva_erasures_waiting", "Erasures that are not done.", now.erasures.number)
    late = now.erasures.oldest_seconds
    yield _gauge("viva_erasures_oldest_seconds", "Age of the oldest of these that waits for no legal hold.", late)
    yield _gauge("viva_legal_holds", "Sessions under a legal hold.", now.holds)
    removed = CounterMetricFamily("viva_retention_removed", "Records removed by a rule.", labels=["kind", "rule"])
    never = {(kind.value, ""): 0 for kind in RecordKind}
    for (kind, rule), number in sorted((never | dict(now.removed)).items()):
        removed.add_metric([kind, rule], number)
    yield removed


def _receipts(receipts: ReceiptsStanding) -> Iterator[Metric]:
    made = dict.fromkeys([*(state.value for state in sorted(ENDED)), *WITHOUT_END], 0) | dict(receipts.made)
    yield _counter("viva_receipts", "Deletion receipts made, by the end that they tell of.", "reason", made)
    conflicts = {"": receipts.conflicts}
    yield _counter("viva_receipt_conflicts", "Numbers of a chain that another process took first.", None, conflicts)
    yield _gauge("viva_receipt_chains", "Chains of receipts, each of which has a head.", receipts.chains)
    late = receipts.overdue_seconds
    yield _gauge("viva_receipts_overdue_seconds", "Since when the oldest second receipt that is due is due.", late)


def _epochs(epochs: EpochsStanding) -> Iterator[Metric]:
    states = {state.value: epochs.states.get(state, 0) for state in EpochState}
    yield _by_state("viva_epochs", "Epochs of recordings' keys in this state.", states)
    yield _gauge("viva_epoch_oldest_seconds", "Age of the oldest epoch whose key is there.", epochs.oldest_seconds)
    yield _gauge("viva_epoch_newest_seconds", "Age of the newest epoch whose key is there.", epochs.newest_seconds)
    yield _gauge("viva_sealed_recordings", "Recordings stored that are sealed.", epochs.recordings)


def _done(totals: Totals) -> Iterator[Metric]:
    ended = {state.value: number for state, number in sorted(totals.ended.items())}
    yield _counter("viva_ended", "Recordings that ended in this state.", "state", ended)
    codes = dict.fromkeys(_codes(TranscriptionProblem), 0) | dict(totals.failures)
    yield _counter("viva_failures", "Recordings that failed, by the reason's code.", "code", codes)
    yield _counter("viva_deliveries", "Claims that the ended recordings took.", None, {"": totals.deliveries})
    sent = dict.fromkeys(OUTCOMES, 0) | dict(totals.webhooks)
    yield _counter("viva_webhook_attempts", "Tries to deliver to a webhook, by what came of them.", "outcome", sent)
    begun_anew = dict.fromkeys(Kind, 0) | dict(totals.restarts)
    yield _counter("viva_background_restarts", "Background work that broke off and began anew.", "kind", begun_anew)
    yield _histogram(
        "viva_processing_seconds", "Seconds of the claim that completed.", totals.processing, PROCESSING_BOUNDS
    )
    yield _histogram(
        "viva_turnaround_seconds", "Seconds from accepted to completed.", totals.turnaround, TURNAROUND_BOUNDS
    )
    calls = dict.fromkeys(CALL_ENDS, 0) | dict(totals.calls)
    yield _counter("viva_calls_over", "Calls that are over, by how.", "how", calls)
    fates = dict.fromkeys(FATES, 0) | dict(totals.packets)
    yield _counter("viva_call_packets", "Packets of calls that are over, by what became of them.", "fate", fates)
    reasons = dict.fromkeys(map(str, Oddity), 0) | dict(totals.odd_packets)
    yield _counter("viva_call_odd_packets", "Of these, the odd ones, by why they are no sound.", "reason", reasons)
    yield _histogram(
        "viva_call_turnaround_seconds",
        "Seconds from a side's last packet to its transcript.",
        totals.talked,
        TURNAROUND_BOUNDS,
    )
    yield from _passes("viva_sweep", "Passes of the sweep", totals.sweeps)
    yield from _passes("viva_audit", "Passes of the audit of stored audio", totals.audits)
    did = {name: totals.sweeps.counts.get(name, 0) for name in Counts().as_dict() if name not in ORPHANS | KEYS}
    did["undone"] += totals.audits.counts.get("undone", 0)
    yield _counter("viva_sweep_actions", "What the sweep did.", "what", did)
    orphans = {kind: totals.audits.counts.get(name, 0) for name, kind in ORPHANS.items()}
    gone = {how: totals.audits.counts.get(name, 0) for name, how in KEYS.items()}
    yield _counter("viva_epoch_keys_gone", "Keys of epochs that are gone.", "how", gone)
    yield _counter("viva_orphans", "Stray audio that the audit found and deleted.", "kind", orphans)


def _codes(kind: type[TranscriptionProblem]) -> Iterator[str]:
    yield kind.code
    for below in kind.__subclasses__():
        yield from _codes(below)


def _passes(name: str, what: str, passes: Passes) -> Iterator[Metric]:
    yield _counter(f"{name}_runs", f"{what}.", None, {"": passes.number})
    age = NEVER if passes.age_seconds is None else passes.age_seconds
    yield _gauge(f"{name}_age_seconds", f"{what}: seconds since the last one ended.", age)


def _line(name: str, what: str, line: Line) -> Iterator[Metric]:
    yield _gauge(f"{name}_backlog", f"{what}.", line.number)
    yield _gauge(f"{name}_oldest_seconds", f"{what}: seconds since the oldest ended.", line.oldest_seconds)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=float(value))


def _by_state(name: str, help: str, values: dict[str, float] | dict[str, int]) -> Metric:
    return _labelled(name, help, "state", values)


def _labelled(name: str, help: str, label: str, values: dict[str, float] | dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, help, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, help: str, label: str | None, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help, labels=[label] if label else [])
    for key, value in values.items():
        family.add_metric([key] if label else [], value)
    return family


def _histogram(name: str, help: str, histogram: Histogram, bounds: tuple[float, ...]) -> Metric:
    up_to = accumulate(histogram.buckets, initial=0.0)
    next(up_to)
    buckets = list(zip([*map(str, bounds), "+Inf"], up_to, strict=True))
    return HistogramMetricFamily(name, help, buckets=buckets, sum_value=histogram.sum)
