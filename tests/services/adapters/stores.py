"""The ports of one store, in memory or on MongoDB, for tests that hold both to the same promises."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from services.access.ports import IdempotencyKeys
from services.adapters.mongo.arrivals import MongoArrivals
from services.adapters.mongo.audio import GridAudio
from services.adapters.mongo.audit_log import MongoAuditLog
from services.adapters.mongo.calls import MongoCalls
from services.adapters.mongo.claims import MongoClaims
from services.adapters.mongo.closings import MongoClosings
from services.adapters.mongo.counters import MongoCounters
from services.adapters.mongo.deliveries import MongoLedger
from services.adapters.mongo.epochs import MongoEpochs
from services.adapters.mongo.erasures import MongoErasures
from services.adapters.mongo.events import MongoEvents
from services.adapters.mongo.gauges import MongoGauges
from services.adapters.mongo.holds import MongoHolds
from services.adapters.mongo.idempotency_keys import MongoIdempotencyKeys
from services.adapters.mongo.interventions import MongoInterventions
from services.adapters.mongo.leftovers import MongoLeftovers
from services.adapters.mongo.operator_views import MongoViews
from services.adapters.mongo.pieces import MongoPieces
from services.adapters.mongo.quotas import MongoQuotas
from services.adapters.mongo.receipts import MongoReceipts
from services.adapters.mongo.records import MongoBacklog, MongoRecords
from services.adapters.mongo.retained import MongoRetained
from services.adapters.mongo.sealing import Sealing
from services.adapters.mongo.session_lists import MongoSessionLists
from services.adapters.mongo.sessions import MongoSessions
from services.adapters.mongo.slices import MongoSlices
from services.adapters.mongo.tickets import MongoTickets
from services.adapters.mongo.trends import MongoTrends
from services.adapters.mongo.upkeep import MongoUpkeep
from services.adapters.mongo.uploads import MongoUploads
from services.adapters.mongo.utterances import MongoUtterances
from services.adapters.mongo.webhooks import MongoEndpoints
from services.adapters.mongo.workers import MongoWorkers
from services.analysis.ports import Scorings
from services.calls.ports import CallRecords
from services.events.ports import Events, TicketStore
from services.interviews.erasable import Erasable
from services.interviews.language import Language
from services.interviews.listing import SessionLists
from services.interviews.model import Part, PartId, Question, QuestionId, Session, SessionId, UserId, Viewer
from services.interviews.ports import Quotas, Sessions
from services.operations.ports.audit_log import AuditLog
from services.operations.ports.erasures import Erasures
from services.operations.ports.gauges import Gauges
from services.operations.ports.holds import Holds
from services.operations.ports.interventions import Interventions
from services.operations.ports.retained import Retained
from services.operations.ports.trends import Trends
from services.operations.ports.upkeep import Upkeep
from services.operations.ports.views import Views
from services.recordings.keys import Keys
from services.recordings.ports.arrivals import ArrivalRecords, Pieces, Slices
from services.recordings.ports.audio import Audio
from services.recordings.ports.backlog import Backlog
from services.recordings.ports.counters import Counters
from services.recordings.ports.keyring import EpochId, EpochJournal, EpochKey, Identity
from services.recordings.ports.receipts import ReceiptLedger
from services.recordings.ports.records import Closings, Records, Uploads
from services.recordings.ports.utterances import Utterances
from services.recordings.ports.workers import Workers
from services.transcription.ports import Claims
from services.webhooks.ports import Endpoints, Ledger
from tests.fakes.access import FakeIdempotencyKeys, FakeQuotas, FakeTickets
from tests.fakes.arrivals import FakeArrivals, FakePieces, FakeSlices
from tests.fakes.audio import FakeAudio
from tests.fakes.calls import FakeCalls
from tests.fakes.erasures import FakeErasures, FakeLeftovers
from tests.fakes.figures import FakeCounters, FakeGauges
from tests.fakes.keyring import FakeEpochs, FakeKeyring
from tests.fakes.memory import KeyringContent, Memory, Terms
from tests.fakes.operations import FakeAuditLog, FakeInterventions, FakeViews
from tests.fakes.receipts import FakeReceipts
from tests.fakes.records import FakeBacklog, FakeClaims, FakeClosings, FakeRecords, FakeUploads, FakeUtterances
from tests.fakes.retained import FakeHolds, FakeRetained
from tests.fakes.sessions import FakeEvents, FakeSessionLists, FakeSessions
from tests.fakes.trends import FakeTrends
from tests.fakes.upkeep import FakeUpkeep
from tests.fakes.webhooks import FakeEndpoints, FakeLedger
from tests.fakes.workers import FakeWorkers

TERMS = Terms()
ANN = Viewer(UserId("ann"))
BOB = Viewer(UserId("bob"))
ROOT = Viewer(UserId("root"), is_admin=True)
S1 = SessionId("s1")
Q1 = QuestionId("q1")
Q2 = QuestionId("0")
TIMES = (
    "created_at",
    "heartbeat_at",
    "not_before",
    "rung_at",
    "claimed_at",
    "completed_at",
    "score_after",
    "scoring_until",
    "accepted_at",
    "settle_after",
)
ARRIVAL_TIMES = ("expires_at", "ends_at", "closed_at", "drive_after", "last_at")
LISTENING_TIMES = ("at", "due_at", "rung_at")


class Passing(Protocol):
    async def __call__(self, seconds: float) -> None: ...


class Ends(Closings, Scorings, Protocol):
    """The last writes to a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """All ports on one store; `passes` lets time pass."""

    sessions: Sessions
    events: Events
    uploads: Uploads
    claims: Claims
    records: Records
    utterances: Utterances
    backlog: Backlog
    closings: Ends
    upkeep: Upkeep
    audio: Audio
    workers: Workers
    counters: Counters
    gauges: Gauges
    idempotency_keys: IdempotencyKeys
    quotas: Quotas
    tickets: TicketStore
    endpoints: Endpoints
    ledger: Ledger
    interventions: Interventions
    views: Views
    trends: Trends
    audit_log: AuditLog
    session_lists: SessionLists
    epochs: EpochJournal
    receipts: ReceiptLedger
    journal: Erasures
    leftovers: Erasable
    holds: Holds
    retained: Retained
    arriving: ArrivalRecords
    pieces: Pieces
    slices: Slices
    calls: CallRecords
    passes: Passing

    async def queued(self, take: int = 1, session: SessionId = S1, question: QuestionId = Q1) -> Part:
        part = a_part(take=take, session_id=session, question_id=question)
        await self.uploads.begin(part)
        queued = await self.uploads.accept(part.id, f"5ha of {part.id}", 7)
        assert queued is not None
        return queued

    async def claimed(self, take: int = 1) -> Part:
        claimed = await self.claims.claim((await self.queued(take)).id, "worker")
        assert claimed is not None
        return claimed


def a_part(take: int = 1, session_id: SessionId = S1, question_id: QuestionId = Q1) -> Part:
    id = PartId(str(ObjectId()))
    part = Part(id=id, session_id=session_id, question_id=question_id, user_id=ANN.user_id, take=take)
    return replace(part, language=Language("de"), languages=(Language("en"), Language("de")))


def a_session(id: SessionId = S1) -> Session:
    questions = (
        Question(id=Q1, text="Why?", reference_answer="$because", language=Language("en")),
        Question(id=Q2, text="How?", languages=(Language("en"), Language("de"))),
    )
    return Session(id=id, user_id=ANN.user_id, questions=questions, title="$first")


OWN = Identity("a keyring", "a database")


class ClaimedKeys(Keys):
    """Keys of a keyring that is the database's own from the first use on."""

    async def check(self) -> None:
        await self.journal.claim(OWN)
        await Keys.check(self)


def keys_of(journal: EpochJournal) -> Keys:
    """A keyring of one epoch."""
    key = EpochKey(EpochId("00000001-0000000a"), b"k" * 32)
    return ClaimedKeys(keyring=FakeKeyring(KeyringContent(identity=OWN, keys={key.id: key})), journal=journal)


def store_in_memory(*, is_sealed: bool = False) -> Store:
    memory = Memory(terms=TERMS)
    audit_log = FakeAuditLog(memory)

    async def passes(seconds: float) -> None:
        memory.clock.advance(seconds)

    return Store(
        sessions=FakeSessions(memory),
        events=FakeEvents(memory),
        uploads=FakeUploads(memory),
        claims=FakeClaims(memory),
        records=FakeRecords(memory),
        utterances=FakeUtterances(memory),
        backlog=FakeBacklog(memory),
        closings=FakeClosings(memory),
        upkeep=FakeUpkeep(memory),
        audio=FakeAudio(memory, keys_of(FakeEpochs(memory)) if is_sealed else None),
        workers=FakeWorkers(memory),
        counters=FakeCounters(memory),
        gauges=FakeGauges(memory),
        idempotency_keys=FakeIdempotencyKeys(memory),
        quotas=FakeQuotas(),
        tickets=FakeTickets(memory.clock),
        endpoints=FakeEndpoints(memory),
        ledger=FakeLedger(memory),
        interventions=FakeInterventions(memory),
        views=FakeViews(memory),
        trends=FakeTrends(memory),
        audit_log=audit_log,
        session_lists=FakeSessionLists(memory),
        epochs=FakeEpochs(memory),
        receipts=FakeReceipts(memory),
        journal=FakeErasures(memory),
        leftovers=FakeLeftovers(memory),
        holds=FakeHolds(memory),
        retained=FakeRetained(memory, audit_log),
        arriving=FakeArrivals(memory),
        pieces=FakePieces(memory),
        slices=FakeSlices(memory),
        calls=FakeCalls(memory),
        passes=passes,
    )


async def older_events(database: AsyncDatabase[dict[str, Any]], seconds: float) -> None:
    at = {"$subtract": ["$$this.at", round(seconds * 1000)]}
    older = {"$map": {"input": "$events", "in": {"$mergeObjects": ["$$this", {"at": at}]}}}
    await database["interview_sessions"].update_many({}, [{"$set": {"events": older}}])


async def older_webhooks(database: AsyncDatabase[dict[str, Any]], seconds: float) -> None:
    def ago(moment: str) -> dict[str, Any]:
        return {"$subtract": [moment, round(seconds * 1000)]}

    sent = {name: ago(f"${name}") for name in ("due_at", "created_at", "claimed_at")}
    await database["webhook_deliveries"].update_many({}, [{"$set": sent}])
    keys = {"$map": {"input": "$secrets", "in": {"value": "$$this.value", "until": ago("$$this.until")}}}
    made = {name: ago(f"${name}") for name in ("created_at", "failing_since")}
    await database["webhooks"].update_many({}, [{"$set": {**made, "secrets": keys}}])


async def older_minutes(database: AsyncDatabase[dict[str, Any]], seconds: float) -> None:
    rows = await database["trends"].find().to_list()
    await database["trends"].delete_many({})
    if rows:
        await database["trends"].insert_many([{**row, "_id": row["_id"] - round(seconds / 60)} for row in rows])


def store_on_mongo(database: AsyncDatabase[dict[str, Any]], *, is_sealed: bool = False) -> Store:
    async def passes(seconds: float) -> None:
        """The server's clock cannot be set: what is kept is made older instead."""
        others = {
            "workers": ("seen_at",),
            "counters": ("at",),
            "replays": ("held_at",),
            "tickets": ("issued_at",),
            "interview_sessions": ("created_at", "active_at", "events_from"),
            "audit": ("created_at",),
            "epochs": ("opened_at", "closed_at", "unused_since", "gone_at"),
            "erasures": ("next_at", "created_at"),
            "calls": ("created_at", "begun_at", "heard_at", "silent_at", "bridged_at", "ending_at", "ended_at"),
        }
        for collection, fields in {"parts": TIMES, **others}.items():
            older = {field: {"$subtract": [f"${field}", round(seconds * 1000)]} for field in fields}
            await database[collection].update_many({}, [{"$set": older}])
        older = {
            f"arrival.{each}": {"$subtract": [f"$arrival.{each}", round(seconds * 1000)]} for each in ARRIVAL_TIMES
        }
        await database["parts"].update_many({"arrival": {"$ne": None}}, [{"$set": older}])
        older = {
            f"arrival.listening.{each}": {"$subtract": [f"$arrival.listening.{each}", round(seconds * 1000)]}
            for each in LISTENING_TIMES
        }
        await database["parts"].update_many({"arrival.listening": {"$ne": None}}, [{"$set": older}])
        turns = {f"{turn}.at": {"$subtract": [f"${turn}.at", round(seconds * 1000)]} for turn in ("sweep", "audit")}
        await database["counters"].update_many({"_id": "turns"}, [{"$set": turns}])
        await older_webhooks(database, seconds)
        await older_events(database, seconds)
        await older_minutes(database, seconds)

    terms = asdict(TERMS)
    replay_lease = terms.pop("replay_lease_seconds")
    arrival_terms = {"seconds": terms.pop("arrival_seconds"), "most_seconds": terms.pop("arrival_most_seconds")}
    sealing = Sealing(keys=keys_of(MongoEpochs(database)), seals=True) if is_sealed else None
    claim_terms = {name: terms[name] for name in ("lease_seconds", "max_deliveries", "settle_grace_seconds")}
    return Store(
        sessions=MongoSessions(database),
        events=MongoEvents(database),
        uploads=MongoUploads(database),
        claims=MongoClaims(database, **claim_terms),
        utterances=MongoUtterances(database),
        records=MongoRecords(database, upload_silence_seconds=TERMS.upload_silence_seconds),
        backlog=MongoBacklog(database),
        closings=MongoClosings(database),
        upkeep=MongoUpkeep(database, **terms),
        audio=GridAudio(database, sealing),
        workers=MongoWorkers(database),
        counters=MongoCounters(database),
        gauges=MongoGauges(database),
        idempotency_keys=MongoIdempotencyKeys(database, lease_seconds=replay_lease),
        quotas=MongoQuotas(database),
        tickets=MongoTickets(database),
        endpoints=MongoEndpoints(database),
        ledger=MongoLedger(database),
        interventions=MongoInterventions(database),
        views=MongoViews(database),
        trends=MongoTrends(database),
        audit_log=MongoAuditLog(database),
        session_lists=MongoSessionLists(database),
        epochs=MongoEpochs(database),
        receipts=MongoReceipts(database),
        journal=MongoErasures(database),
        leftovers=MongoLeftovers(database),
        holds=MongoHolds(database),
        retained=MongoRetained(database),
        arriving=MongoArrivals(database, sealing, **arrival_terms),
        pieces=MongoPieces(database, sealing),
        slices=MongoSlices(database, sealing),
        calls=MongoCalls(database),
        passes=passes,
    )
