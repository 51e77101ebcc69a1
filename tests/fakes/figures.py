"""Counting and reading in memory; the contract tests hold them to what MongoDB does."""

from collections.abc import Callable, Mapping
from datetime import datetime

from services.background import Kind
from services.interviews.model import ENDED, LIVE, PartState
from services.operations.readings import (
    CALL_ENDS,
    PROCESSING_BOUNDS,
    TURNAROUND_BOUNDS,
    Arriving,
    Disk,
    EpochsStanding,
    Forgetting,
    Histogram,
    Line,
    Passes,
    Reading,
    ReceiptsStanding,
    Totals,
    bucket,
)
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.ports.keyring import THERE, EpochState
from services.recordings.receipts import CONFLICTS
from services.webhooks.ports import DeliveryState
from tests.fakes.memory import Memory, Row
from tests.fakes.workers import FakeWorkers

BEATING = (PartState.UPLOADING, PartState.PROCESSING)


class FakeCounters:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def removed(self, kind: str, rule: str, number: int) -> None:
        sums = self._memory.counters.setdefault("retention", {})
        sums[f"{kind}/{rule}"] = sums.get(f"{kind}/{rule}", 0) + number

    async def sent(self, outcome: str) -> None:
        sums = self._memory.counters.setdefault("webhooks", {})
        sums[outcome] = sums.get(outcome, 0) + 1

    async def restarted(self, kind: Kind) -> None:
        sums = self._memory.counters.setdefault("background", {})
        sums[kind.value] = sums.get(kind.value, 0) + 1

    async def receipted(self, what: str, number: int) -> None:
        sums = self._memory.counters.setdefault("receipts", {})
        sums[what] = sums.get(what, 0) + number

    async def swept(self, subject: str, counts: Mapping[str, int]) -> None:
        sums = self._memory.counters.setdefault(subject, {"runs": 0})
        for name, count in {"runs": 1, **counts}.items():
            if count:
                sums[name] = sums.get(name, 0) + count
        self._memory.passed[subject] = self._memory.clock.now


class FakeGauges:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def read(self) -> Reading:
        memory, workers = self._memory, await FakeWorkers(self._memory).alive()
        live = {state: self._line(lambda row, state=state: row.part.state is state) for state in LIVE}  # type: ignore[misc]
        ended = {"since": lambda row: row.part.completed_at, "heard": lambda row: None}
        return Reading(
            lines=live,
            unsettled=self._line(lambda row: not row.settled, **ended),
            scoring=self._line(lambda row: row.to_score, **ended),
            webhooks=self._webhooks(),
            kept=len(memory.having(lambda row: row.part.keep_audio)),
            files=len(memory.files),
            bytes=sum(len(piece) for id in memory.files for piece in memory.chunks.get(id, [])),
            workers=len(workers),
            slots=sum(worker.slots for worker in workers),
            totals=self._totals(),
            epochs=self._epochs(),
            disk=Disk(bytes=1000, free=400),
            forgetting=self._forgetting(),
            receipts=self._receipts(),
            arriving=self._arriving(),
        )

    def _arriving(self) -> Arriving:
        rows = self._memory.having(lambda row: row.part.state is PartState.UPLOADING and row.arrival is not None)
        arrivals = [row.arrival for row in rows if row.arrival]
        return Arriving(
            number=len(rows),
            bytes=sum(arrival.folded + CHUNK_BYTES for arrival in arrivals) + self._memory.waiting_bytes(rows),
            oldest_seconds=max((self._age(row.part.created_at) for row in rows), default=0.0),
            overdue_seconds=max(
                [0.0, *(self._age(row.arrival.expires_at) for row in rows if self._may_expire(row) and row.arrival)]
            ),
            behind_seconds=max(
                [0.0, *(self._age(self._memory.due(row)) for row in rows if self._memory.is_behind(row))]
            ),
        )

    def _may_expire(self, row: Row) -> bool:
        return row.part.session_id not in self._memory.held

    def _epochs(self) -> EpochsStanding:
        rows = self._memory.epochs.values()
        ages = [self._age(row.opened_at) for row in rows if row.state in THERE]
        return EpochsStanding(
            states={state: len([row for row in rows if row.state is state]) for state in EpochState},
            oldest_seconds=max(ages, default=0.0),
            newest_seconds=min(ages, default=0.0),
            recordings=len([file for file in self._memory.files.values() if "epoch" in file]),
        )

    def _forgetting(self) -> Forgetting:
        kept = self._memory.having(lambda row: row.part.keep_audio)
        counted = {name.partition("/"): count for name, count in self._memory.counters.get("retention", {}).items()}
        return Forgetting(
            holds=len(self._memory.held),
            kept_seconds=max((self._age(row.part.completed_at) for row in kept), default=0.0),
            removed={(kind, rule): round(count) for (kind, _, rule), count in counted.items()},
        )

    def _receipts(self) -> ReceiptsStanding:
        memory = self._memory
        sums = {name: round(number) for name, number in memory.counters.get("receipts", {}).items()}
        conflicts = sums.pop(CONFLICTS, 0)
        open_ = {r.epoch for id, r in memory.receipts.items() if id not in memory.closed_receipts}
        gone = [row.gone_at for id, row in memory.epochs.items() if id in open_ and row.state is EpochState.DESTROYED]
        return ReceiptsStanding(
            made=sums,
            conflicts=conflicts,
            chains=len(memory.receipt_chains),
            overdue_seconds=max((self._age(at) for at in gone), default=0.0),
        )

    def _webhooks(self) -> Line:
        rows = self._memory.deliveries.values()
        due = [row.due_at for row in rows if row.state in (DeliveryState.PENDING, DeliveryState.SENDING)]
        return Line(number=len(due), oldest_seconds=max(0.0, max(map(self._age, due), default=0.0)))

    def _line(
        self,
        wanted: Callable[[Row], bool],
        since: Callable[[Row], datetime | None] = lambda row: row.part.created_at,
        heard: Callable[[Row], datetime | None] = lambda row: row.heartbeat_at if row.part.state in BEATING else None,
    ) -> Line:
        rows = self._memory.having(wanted)
        return Line(
            number=len(rows),
            oldest_seconds=max((self._age(since(row)) for row in rows), default=0.0),
            silent_seconds=max((self._age(heard(row)) for row in rows), default=0.0),
        )

    def _age(self, moment: datetime | None) -> float:
        return (self._memory.clock.now - moment).total_seconds() if moment else 0.0

    def _totals(self) -> Totals:
        rows = self._memory.endings
        codes = [row.part.failure.code for row in rows if row.part.state is PartState.FAILED and row.part.failure]
        done = [row for row in rows if row.part.state is PartState.COMPLETED]
        waits = [
            (row.part.completed_at - row.accepted_at).total_seconds()
            for row in done
            if row.part.completed_at and row.accepted_at
        ]
        return Totals(
            ended={state: len([row for row in rows if row.part.state is state]) for state in ENDED},
            failures={code: codes.count(code) for code in codes},
            deliveries=sum(row.part.deliveries for row in rows),
            webhooks={name: int(count) for name, count in self._memory.counters.get("webhooks", {}).items()},
            restarts={name: int(count) for name, count in self._memory.counters.get("background", {}).items()},
            processing=histogram([row.processing_seconds for row in done], PROCESSING_BOUNDS),
            turnaround=histogram(waits, TURNAROUND_BOUNDS),
            sweeps=self._passes("sweep"),
            audits=self._passes("audit"),
            calls=dict.fromkeys(CALL_ENDS, 0),
        )

    def _passes(self, subject: str) -> Passes:
        sums = dict(self._memory.counters.get(subject, {}))
        age = self._age(self._memory.passed[subject]) if sums else None
        return Passes(number=int(sums.pop("runs", 0)), age_seconds=age, counts={n: int(c) for n, c in sums.items()})


def histogram(met: list[float], bounds: tuple[float, ...]) -> Histogram:
    places = [bucket(seconds, bounds) for seconds in met]
    return Histogram(buckets=tuple(places.count(index) for index in range(len(bounds) + 1)), sum=sum(met))
