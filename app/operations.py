"""The operators' room, furnished: what they see of single answers, and what they may do."""

from collections.abc import Mapping

from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.container import House
from routes.dependencies import Operations
from services.adapters.mongo.audit_log import MongoAuditLog
from services.adapters.mongo.documents import Document
from services.adapters.mongo.interventions import MongoInterventions
from services.adapters.mongo.operator_views import MongoViews
from services.operations.interventions import Intervention
from services.operations.oversight import Oversight
from services.operations.sweep import Sweep, merged


def operations(settings: Settings, house: House, database: AsyncDatabase[Document], oversight: Oversight) -> Operations:
    """Hand the room what it needs; nothing is opened."""
    audit_log = MongoAuditLog(database)
    intervention = Intervention(
        sessions=house.sessions,
        records=house.records,
        scorings=house.closings,
        interventions=MongoInterventions(database),
        doorbell=house.doorbell,
        audit_log=audit_log,
        close=house.closing.close,
        supersede=house.closing.supersede,
        sweeping=lambda dry_run: sweeping(house.sweep, settings.failed_audio_hours, dry_run),
    )
    return Operations(
        intervention=intervention,
        views=MongoViews(database),
        audit_log=audit_log,
        workers=house.workers,
        oversight=oversight,
    )


async def sweeping(sweep: Sweep, hours: float, dry_run: bool) -> Mapping[str, int]:
    """One sweep and one audit, or what they would find."""
    if dry_run:
        return (await sweep.survey(hours)).as_dict()
    return merged(await sweep.run(hours), await sweep.audit()).as_dict()
