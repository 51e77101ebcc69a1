"""The rooms that both processes share, furnished with MongoDB and Celery."""

from dataclasses import dataclass

from celery import Celery
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from services.adapters.celery_doorbell import CeleryDoorbell
from services.adapters.mongo.audio import GridAudio
from services.adapters.mongo.claims import MongoClaims
from services.adapters.mongo.closings import MongoClosings
from services.adapters.mongo.documents import Document
from services.adapters.mongo.records import MongoBacklog, MongoRecords
from services.adapters.mongo.sessions import MongoSessions
from services.adapters.mongo.upkeep import MongoUpkeep
from services.adapters.mongo.uploads import MongoUploads
from services.adapters.mongo.workers import MongoWorkers
from services.closing import Closing
from services.intake import TOUCH_SECONDS
from services.upkeep import Sweep

RING_AGAIN_SECONDS = 30.0
SETTLE_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    sessions: MongoSessions
    uploads: MongoUploads
    claims: MongoClaims
    records: MongoRecords
    closings: MongoClosings
    upkeep: MongoUpkeep
    backlog: MongoBacklog
    workers: MongoWorkers
    audio: GridAudio
    doorbell: CeleryDoorbell
    closing: Closing
    sweep: Sweep


def furnish(settings: Settings, database: AsyncDatabase[Document], celery: Celery) -> House:
    """Hand every room what it needs; nothing is opened."""
    sessions, uploads, records = MongoSessions(database), MongoUploads(database), MongoRecords(database)
    closings, audio, doorbell = MongoClosings(database), GridAudio(database), CeleryDoorbell(celery)
    closing = Closing(sessions=sessions, uploads=uploads, records=records, closings=closings, audio=audio)
    lease = {"lease_seconds": settings.lease_seconds, "settle_grace_seconds": SETTLE_GRACE_SECONDS}
    upkeep = MongoUpkeep(
        database,
        max_deliveries=settings.max_deliveries,
        upload_silence_seconds=settings.upload_idle_seconds + 2 * TOUCH_SECONDS,
        ring_again_seconds=RING_AGAIN_SECONDS,
        **lease,
    )
    return House(
        sessions=sessions,
        uploads=uploads,
        claims=MongoClaims(database, max_deliveries=settings.max_deliveries, **lease),
        records=records,
        closings=closings,
        upkeep=upkeep,
        backlog=MongoBacklog(database),
        workers=MongoWorkers(database),
        audio=audio,
        doorbell=doorbell,
        closing=closing,
        sweep=Sweep(sessions=sessions, upkeep=upkeep, audio=audio, doorbell=doorbell, close=closing.close),
    )
