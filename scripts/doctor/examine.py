"""All checks in their order."""

from datetime import date, datetime

from pymongo.errors import PyMongoError

from app.config import Settings
from app.engines import speech_kind
from app.finding import Finding, failing
from scripts.doctor import broker, database, disk, keyring, sanity, work
from services.adapters.mongo.client import open_client
from services.adapters.mongo.erasures import returned
from services.adapters.mongo.gauges import MongoGauges
from services.adapters.mongo.workers import MongoWorkers
from services.errors import StoreUnavailable
from services.recordings.arrival_limits import MEGABYTE

TRANSCRIBES = ("all", "worker")
SEALS = ("all", "api", "worker", "upkeep", "rtp")


async def examine(settings: Settings, clock: database.Clock = database.now, today: date | None = None) -> list[Finding]:
    """What is found; left out are what PROCESS does not need, and what needs MongoDB where MongoDB is not there."""
    found = sanity.looked_at(settings)
    found += await _stored(settings, clock)
    found += await broker.looked_at(settings.redis_url)
    if settings.process in TRANSCRIBES:
        found += await speech_kind(settings).look(today or datetime.now().astimezone().date())
        found.append(disk.cache(settings.cache_dir))
    return found


async def _stored(settings: Settings, clock: database.Clock) -> list[Finding]:
    found = await database.reached(settings.mongodb_url)
    if any(finding.todo for finding in found):
        return found
    async with open_client(settings.mongodb_url, "doctor") as client:
        mongo = client[settings.mongodb_database]
        found += await database.looked_at(mongo, clock, settings.least_free_megabytes * MEGABYTE)
        try:
            if settings.process in SEALS:
                found += await keyring.looked_at(mongo, settings)
            found.append(work.returned(await returned(mongo)))
            workers = await MongoWorkers(mongo).alive()
            return [*found, *work.looked_at(await MongoGauges(mongo).read(), settings), *work.engines(workers)]
        except StoreUnavailable:
            return [*found, failing("Work", "MongoDB did not answer", "Run this again.")]
        except PyMongoError as trouble:
            return [*found, failing("Work", f"MongoDB refused: {str(trouble)[:120]}", "Check the user's rights.")]
