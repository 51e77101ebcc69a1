"""What all fakes of a test share: one store and one clock."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.access.ports import Hold, Kept
from services.calls.model import Call
from services.events.model import Event
from services.interviews.model import CallId, Part, PartId, PartState, QuestionId, Session, SessionId, UserId, sources
from services.interviews.spoken import Told
from services.interviews.transcript import Transcript, Utterance
from services.operations.ports.erasures import Owner
from services.operations.ports.trends import Bin
from services.recordings.ports.arrivals import KeptSlice, Listened, Plan
from services.recordings.ports.audio import Deletion
from services.recordings.ports.keyring import EpochId, EpochKey, EpochState, Identity
from services.recordings.ports.receipts import ChainId, Receipt
from services.recordings.ports.workers import WorkerSign
from services.webhooks.ports import Delivery, DeliveryId

PENDING = (PartState.QUEUED, PartState.PROCESSING)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def is_past(self, moment: datetime | None, seconds: float = 0.0) -> bool:
        return moment is None or moment <= self.after(-seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The times and numbers that the adapters are built with."""

    lease_seconds: float = 60.0
    max_deliveries: int = 3
    upload_silence_seconds: float = 60.0
    ring_again_seconds: float = 30.0
    settle_grace_seconds: float = 10.0
    replay_lease_seconds: float = 15.0
    arrival_seconds: float = 600.0
    arrival_most_seconds: float = 1800.0


@dataclass(slots=True)
class ArrivalRow:
    """What a record says of a recording that arrives in pieces."""

    plan: Plan
    expires_at: datetime
    ends_at: datetime
    length: int | None = None
    folded: int = 0
    writer: int = 0
    claimed: bool = False
    closed_at: datetime | None = None
    drive_after: datetime | None = None
    same_as: PartId | None = None
    last_at: datetime | None = None
    listened: Listened = field(default_factory=Listened)
    listened_at: datetime | None = None
    due_at: datetime | None = None
    listening_rung_at: datetime | None = None
    tries: int = 0


@dataclass(slots=True)
class Row:
    """A part, and what its record says besides."""

    part: Part
    heartbeat_at: datetime | None = None
    not_before: datetime | None = None
    rung_at: datetime | None = None
    claimed_at: datetime | None = None
    accepted_at: datetime | None = None
    counted: bool = False
    settled: bool = True
    settle_after: datetime | None = None
    to_score: bool = False
    score_failures: int = 0
    score_waited: float = 0.0
    scorings: int = 0
    scoring_until: datetime | None = None
    score_after: datetime | None = None
    owner: str | None = None
    transcript: Transcript | None = None
    processing_seconds: float = 0.0
    deletion: Deletion | None = None
    arrival: ArrivalRow | None = None


@dataclass(slots=True)
class Replay:
    """What is known of a key."""

    path: str
    fingerprint: str | None
    hold: Hold
    held_at: datetime | None
    answer: Kept | None = None


@dataclass(slots=True)
class KeyringContent:
    """What would be in a keyring's folder, which is not the store's."""

    identity: Identity | None = None
    keys: dict[EpochId, EpochKey] = field(default_factory=dict)
    doomed: set[EpochId] = field(default_factory=set)
    trouble: str | None = None
    is_written: bool = False


@dataclass(slots=True)
class EpochRow:
    """What is noted of an epoch."""

    state: EpochState
    opened_at: datetime
    closed_at: datetime | None = None
    unused_since: datetime | None = None
    gone_at: datetime | None = None
    reason: str | None = None
    returns: int = 0


@dataclass(slots=True)
class Memory:
    """What all fakes of a test share."""

    clock: Clock = field(default_factory=Clock)
    terms: Terms = field(default_factory=Terms)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    takes: dict[tuple[SessionId, QuestionId], int] = field(default_factory=dict)
    asides: dict[tuple[SessionId, QuestionId], tuple[int, int]] = field(default_factory=dict)
    calls: dict[CallId, Call] = field(default_factory=dict)
    silent: dict[CallId, datetime] = field(default_factory=dict)
    ending: dict[CallId, datetime] = field(default_factory=dict)
    giving_up: set[CallId] = field(default_factory=set)
    analyses: dict[SessionId, dict[str, object]] = field(default_factory=dict)
    analyzed: dict[SessionId, int] = field(default_factory=dict)
    events: dict[SessionId, list[Event]] = field(default_factory=dict)
    rows: dict[PartId, Row] = field(default_factory=dict)
    utterances: dict[tuple[PartId, int], tuple[int, Utterance]] = field(default_factory=dict)
    utterances_told: dict[tuple[SessionId, QuestionId], Told] = field(default_factory=dict)
    spoken_by: dict[PartId, set[int]] = field(default_factory=dict)
    files: dict[PartId, dict[str, object]] = field(default_factory=dict)
    chunks: dict[PartId, list[bytes]] = field(default_factory=dict)
    ahead: dict[PartId, dict[int, tuple[int, bytes]]] = field(default_factory=dict)
    pieces: dict[PartId, dict[int, bytes]] = field(default_factory=dict)
    writers: dict[PartId, dict[int, int]] = field(default_factory=dict)
    slices: dict[PartId, dict[int, KeptSlice]] = field(default_factory=dict)
    waiting: dict[PartId, dict[int, bytes]] = field(default_factory=dict)
    workers: dict[str, WorkerSign] = field(default_factory=dict)
    counters: dict[str, dict[str, float]] = field(default_factory=dict)
    turns: dict[str, datetime] = field(default_factory=dict)
    minutes: dict[int, Bin] = field(default_factory=dict)
    passed: dict[str, datetime] = field(default_factory=dict)
    endings: list[Row] = field(default_factory=list)
    idempotency_keys: dict[tuple[UserId, str], Replay] = field(default_factory=dict)
    deliveries: dict[DeliveryId, Delivery] = field(default_factory=dict)
    elections: int = 1
    keyring: KeyringContent = field(default_factory=KeyringContent)
    claimed: Identity | None = None
    epochs: dict[EpochId, EpochRow] = field(default_factory=dict)
    receipt_chains: dict[UserId, ChainId] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    closed_receipts: set[str] = field(default_factory=set)
    erased: dict[SessionId, Owner] = field(default_factory=dict)
    told: dict[SessionId, datetime] = field(default_factory=dict)
    held: set[SessionId] = field(default_factory=set)

    @property
    def bytes_of_parts(self) -> tuple[dict[PartId, Any], ...]:
        """Where there are bytes of recordings."""
        return self.chunks, self.ahead, self.pieces, self.waiting

    def row(self, id: PartId, to: PartState, *states: PartState) -> Row | None:
        """The row if it is in one of these states and may come from there into that one."""
        row = self.rows.get(id)
        allowed = row is not None and row.part.state in states and row.part.state in sources(to)
        return row if allowed else None

    def arriving(self, id: PartId) -> Row | None:
        """The row if it is of a recording that arrives in pieces, and goes on to."""
        row = self.rows.get(id)
        return row if row and row.arrival and row.part.state is PartState.UPLOADING else None

    def waiting_bytes(self, rows: list[Row]) -> int:
        """Of slices of theirs that those before them are not here for."""
        return sum(len(data) for row in rows for data in self.waiting.get(row.part.id, {}).values())

    def move(self, row: Row, **values: Any) -> Part:
        row.part = replace(row.part, rev=row.part.rev + 1, **values)
        return row.part

    def end(self, row: Row, state: PartState, **values: Any) -> Part:
        row.settled = False
        return self.move(row, state=state, completed_at=self.clock.now, **values)

    def queue_again(self, row: Row, *, delay: float = 0.0, rung: bool = False, **values: Any) -> Part:
        row.not_before, row.rung_at, row.owner = self.clock.after(delay), self.clock.now if rung else None, None
        return self.move(row, state=PartState.QUEUED, fence=row.part.fence + 1, **values)

    def having(self, wanted: Callable[[Row], bool]) -> list[Row]:
        return [row for row in self.rows.values() if wanted(row)]

    def is_silent(self, row: Row) -> bool:
        return row.part.state is PartState.PROCESSING and self.clock.is_past(row.heartbeat_at, self.terms.lease_seconds)

    def is_free(self, row: Row) -> bool:
        """Nobody listens while it arrives, or who does has fallen silent."""
        return row.part.listener is None or self.clock.is_past(row.heartbeat_at, self.terms.lease_seconds)

    def due(self, row: Row) -> datetime:
        """When the next stretch of what arrives is due."""
        begun = row.part.created_at or self.clock.now
        return (row.arrival and row.arrival.due_at) or begun + timedelta(seconds=20)

    def is_behind(self, row: Row) -> bool:
        """Something came that was due, and is not listened to."""
        arrival = row.arrival
        if arrival is None or row.part.state is not PartState.UPLOADING or arrival.closed_at or not row.part.session_id:
            return False
        if arrival.last_at is None or (arrival.listened_at and arrival.last_at <= arrival.listened_at):
            return False
        return self.clock.is_past(self.due(row))

    def attended(self, part: Part) -> Row | None:
        """The row, if this is its listener's."""
        row = self.rows.get(part.id)
        may_listen = row and row.part.state in (PartState.UPLOADING, PartState.QUEUED) and row.part.listener
        return row if row and may_listen and row.part.fence == part.fence else None
