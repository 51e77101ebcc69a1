"""The use cases that both processes share, wired with MongoDB and Celery."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery import Celery
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.keys import KeyStore, key_store
from app.receipts import published_keys, receipt_keys
from app.version import SOFTWARE
from services.access.idempotency import LEASE_SECONDS
from services.adapters.celery_doorbell import CeleryDoorbell
from services.adapters.mongo.arrivals import MongoArrivals
from services.adapters.mongo.audio import GridAudio
from services.adapters.mongo.audit_log import MongoAuditLog
from services.adapters.mongo.calls import MongoCalls
from services.adapters.mongo.claims import MongoClaims
from services.adapters.mongo.closings import MongoClosings
from services.adapters.mongo.counters import MongoCounters
from services.adapters.mongo.deliveries import MongoLedger
from services.adapters.mongo.documents import Document
from services.adapters.mongo.elections import MongoElections
from services.adapters.mongo.epochs import MongoEpochs
from services.adapters.mongo.erasures import MongoErasures
from services.adapters.mongo.events import MongoEvents
from services.adapters.mongo.gauges import MongoGauges
from services.adapters.mongo.holds import MongoHolds
from services.adapters.mongo.idempotency_keys import MongoIdempotencyKeys
from services.adapters.mongo.leftovers import MongoLeftovers
from services.adapters.mongo.pieces import MongoPieces
from services.adapters.mongo.quotas import MongoQuotas
from services.adapters.mongo.receipts import MongoReceipts
from services.adapters.mongo.records import MongoBacklog, MongoRecords
from services.adapters.mongo.retained import MongoRetained
from services.adapters.mongo.room import MongoRoom
from services.adapters.mongo.rtp_receivers import MongoRtpReceivers
from services.adapters.mongo.sessions import MongoSessions
from services.adapters.mongo.slices import MongoSlices
from services.adapters.mongo.tickets import MongoTickets
from services.adapters.mongo.trends import MongoTrends
from services.adapters.mongo.upkeep import MongoUpkeep
from services.adapters.mongo.uploads import MongoUploads
from services.adapters.mongo.utterances import MongoUtterances
from services.adapters.mongo.webhooks import MongoEndpoints
from services.adapters.mongo.workers import MongoWorkers
from services.adapters.redis_channels import RedisHints, RedisInterimTexts
from services.adapters.webhook_courier import WebhookCourier
from services.background import Background
from services.calls.bridging import Bridging
from services.calls.calls import Calls
from services.calls.ending import Ending
from services.events.announcing import AnnouncedSessions
from services.interviews.model import SessionId
from services.interviews.ports import Sessions
from services.operations.erasure import Erasing
from services.operations.receipting import Receipting
from services.operations.retention import Retention
from services.operations.sweep import Sweep
from services.recordings.accepting import Accepting
from services.recordings.arrival_limits import MEGABYTE, ArrivalLimits
from services.recordings.arrivals import Arrivals
from services.recordings.closing import Closing
from services.recordings.erasing import RecordingsErasable
from services.recordings.growing import Growing
from services.recordings.receipts import Receipts
from services.recordings.upload_heartbeats import touch_seconds
from services.webhooks.dispatch import Dispatch
from services.webhooks.endpoints import Webhooks
from services.webhooks.recipients import Recipients

# How soon the sweep takes up what was interrupted, as shares of the lease.
RING_AGAIN_SHARE = 1 / 2
SETTLE_GRACE_SHARE = 1 / 6

CHANNEL = "viva_voce.news"
MICROPHONE_TESTS = "viva_voce.microphone_tests"
INTERIM = "viva_voce.interim"
GROWN = "viva_voce.grown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    sessions: Sessions
    events: MongoEvents
    elections: MongoElections
    hints: RedisHints
    grown: RedisHints
    tickets: MongoTickets
    uploads: MongoUploads
    arrivals: Arrivals
    growing: Growing
    calls: Calls
    bridging: Bridging
    claims: MongoClaims
    records: MongoRecords
    closings: MongoClosings
    upkeep: MongoUpkeep
    backlog: MongoBacklog
    workers: MongoWorkers
    gauges: MongoGauges
    trends: MongoTrends
    idempotency_keys: MongoIdempotencyKeys
    quotas: MongoQuotas
    audio: GridAudio
    key_store: KeyStore
    utterances: MongoUtterances
    doorbell: CeleryDoorbell
    closing: Closing
    accepting: Accepting
    sweep: Sweep
    receipts: MongoReceipts
    receipt_keys: Mapping[str, Any]
    webhooks: Webhooks
    courier: WebhookCourier
    dispatch: Dispatch
    background: Background
    erasing: Erasing
    holds: MongoHolds

    async def close(self) -> None:
        """Give back what is on its way to webhooks, and let what was rung and announced be sent, for a moment."""
        await self.arrivals.close()
        await self.dispatch.close()
        await self.courier.close()
        await self.doorbell.close()
        await self.hints.close()
        await self.grown.close()


def wire(settings: Settings, database: AsyncDatabase[Document], celery: Celery) -> Wiring:
    """Hand every use case what it needs; nothing is opened."""
    counters = MongoCounters(database)
    background = Background(count=counters.restarted)
    hints = RedisHints(settings.redis_url, f"{CHANNEL}.{settings.mongodb_database}", background)
    grown = RedisHints(settings.redis_url, f"{GROWN}.{settings.mongodb_database}", background)
    sessions = AnnouncedSessions(MongoSessions(database), hints)
    uploads, closings = MongoUploads(database), MongoClosings(database)
    records = MongoRecords(database, upload_silence_seconds=_upload_silence(settings))
    sealed = key_store(settings, database)
    utterances = MongoUtterances(database)
    audio, doorbell = GridAudio(database, sealed.sealing), CeleryDoorbell(celery)
    webhooks, courier, dispatch = _webhooks(settings, database, doorbell, counters, background)
    receipts, issuing, receipting = _receipts(settings, database, webhooks, counters)
    closing = Closing(
        sessions=sessions,
        uploads=uploads,
        records=records,
        closings=closings,
        audio=audio,
        utterances=utterances,
        emit=webhooks.tell,
        issue=issuing.issue,
    )
    accepting = Accepting(
        sessions=sessions,
        uploads=uploads,
        audio=audio,
        doorbell=doorbell,
        records=records,
        close=closing.close,
        supersede=closing.supersede,
    )
    records_of_arrivals = MongoArrivals(
        database,
        sealed.sealing,
        seconds=settings.arrival_hours * 3600,
        most_seconds=settings.arrival_most_hours * 3600,
    )
    pieces = MongoPieces(database, sealed.sealing)
    arrivals = Arrivals(
        limits=_arrival_limits(settings),
        sessions=sessions,
        elections=MongoElections(database),
        uploads=uploads,
        parts=records,
        records=records_of_arrivals,
        pieces=pieces,
        slices=MongoSlices(database, sealed.sealing),
        room=MongoRoom(database),
        accepting=accepting,
        grown=lambda part: grown.announce(SessionId(part)) if settings.interim_text else None,
    )
    call_records = MongoCalls(database)
    ending = Ending(arrivals=arrivals, records=call_records, silent_seconds=settings.call_silence_seconds)
    upkeep, trends = _upkeep(settings, database), MongoTrends(database)
    holds = MongoHolds(database)
    erasing = Erasing(
        sessions=sessions,
        journal=MongoErasures(database),
        rooms=(
            RecordingsErasable(uploads=uploads, records=records, audio=audio, issue=issuing.issue),
            MongoLeftovers(database),
        ),
        hints=hints,
        audit_log=MongoAuditLog(database),
        background=background,
        emit=receipting.of_erasure,
    )
    retention = Retention(
        policy=settings.retention,
        retained=MongoRetained(database),
        holds=holds,
        counters=counters,
        erase=erasing.retain_no_longer,
    )
    return Wiring(
        sessions=sessions,
        events=MongoEvents(database),
        elections=MongoElections(database),
        hints=hints,
        grown=grown,
        tickets=MongoTickets(database),
        uploads=uploads,
        arrivals=arrivals,
        growing=Growing(records=records_of_arrivals, pieces=pieces),
        calls=Calls(
            sessions=sessions,
            arrivals=arrivals,
            records=call_records,
            parts=records,
            receivers=MongoRtpReceivers(database),
            ending=ending,
            is_on=settings.audio_cache_enabled,
        ),
        bridging=Bridging(
            ending=ending,
            arrivals=arrivals,
            records=call_records,
            buffer_seconds=settings.call_buffer_seconds,
            most_seconds=settings.max_audio_seconds,
            is_on=settings.audio_cache_enabled,
        ),
        claims=MongoClaims(database, max_deliveries=settings.max_deliveries, **_lease(settings)),
        records=records,
        utterances=utterances,
        closings=closings,
        upkeep=upkeep,
        backlog=MongoBacklog(database),
        workers=MongoWorkers(database),
        gauges=MongoGauges(database),
        quotas=MongoQuotas(database),
        idempotency_keys=MongoIdempotencyKeys(database, lease_seconds=LEASE_SECONDS),
        audio=audio,
        key_store=sealed,
        doorbell=doorbell,
        closing=closing,
        accepting=accepting,
        trends=trends,
        sweep=Sweep(
            sessions=sessions,
            uploads=uploads,
            upkeep=upkeep,
            audio=audio,
            utterances=utterances,
            doorbell=doorbell,
            close=closing.close,
            counters=counters,
            trends=trends,
            erasing=erasing,
            retention=retention,
            receipt=receipting.of_destroyed_epochs,
            finish=arrivals.drive,
            calls=ending,
            epochs=sealed.epochs,
        ),
        receipts=receipts,
        receipt_keys=published_keys(settings),
        webhooks=webhooks,
        courier=courier,
        dispatch=dispatch,
        background=background,
        erasing=erasing,
        holds=holds,
    )


def _receipts(
    settings: Settings, database: AsyncDatabase[Document], webhooks: Webhooks, counters: MongoCounters
) -> tuple[MongoReceipts, Receipts, Receipting]:
    """Where receipts are kept, who issues them as recordings end, and who later."""
    ledger = MongoReceipts(database)
    recipients = Recipients(endpoints=webhooks.endpoints, engine=settings.hosted_engine)
    issuing = Receipts(
        ledger=ledger,
        signer=receipt_keys(settings),
        software=SOFTWARE,
        recipients=recipients.of,
        count=counters.receipted,
    )
    return ledger, issuing, Receipting(receipts=issuing, ledger=ledger, epochs=MongoEpochs(database))


def microphone_tests_channel(settings: Settings) -> str:
    """Where tests of microphones are offered to the workers of this database."""
    return f"{MICROPHONE_TESTS}.{settings.mongodb_database}"


def interim_texts(settings: Settings) -> RedisInterimTexts:
    """The way of what is being said right now."""
    return RedisInterimTexts(settings.redis_url, f"{INTERIM}.{settings.mongodb_database}")


def _webhooks(
    settings: Settings,
    database: AsyncDatabase[Document],
    doorbell: CeleryDoorbell,
    counters: MongoCounters,
    background: Background,
) -> tuple[Webhooks, WebhookCourier, Dispatch]:
    """Who writes down what is to be told, who carries it, and who sends what is due."""
    endpoints, ledger = MongoEndpoints(database), MongoLedger(database)
    courier = WebhookCourier(allow_private=settings.webhooks_allow_private)
    webhooks = Webhooks(
        endpoints=endpoints,
        ledger=ledger,
        doorbell=doorbell,
        check=courier.check,
        most=settings.max_webhooks_per_user,
    )
    dispatch = Dispatch(endpoints=endpoints, ledger=ledger, courier=courier, counters=counters, background=background)
    return webhooks, courier, dispatch


def _arrival_limits(settings: Settings) -> ArrivalLimits:
    return ArrivalLimits(
        most_bytes=settings.max_audio_bytes,
        most_staged_bytes=settings.max_staged_megabytes * MEGABYTE,
        most_of_user=settings.max_arrivals_per_user,
        most_bytes_of_user=settings.max_arriving_megabytes_per_user * MEGABYTE,
        most_bytes_of_all=settings.max_arriving_megabytes * MEGABYTE,
        least_free_bytes=settings.least_free_megabytes * MEGABYTE,
    )


def _upkeep(settings: Settings, database: AsyncDatabase[Document]) -> MongoUpkeep:
    return MongoUpkeep(
        database,
        max_deliveries=settings.max_deliveries,
        upload_silence_seconds=_upload_silence(settings),
        ring_again_seconds=settings.lease_seconds * RING_AGAIN_SHARE,
        **_lease(settings),
    )


def _upload_silence(settings: Settings) -> float:
    return settings.upload_idle_seconds + 2 * touch_seconds(settings.upload_idle_seconds)


def _lease(settings: Settings) -> dict[str, float]:
    """What claims and upkeep must agree on."""
    return {
        "lease_seconds": settings.lease_seconds,
        "settle_grace_seconds": settings.lease_seconds * SETTLE_GRACE_SHARE,
    }
