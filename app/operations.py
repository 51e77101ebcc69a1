"""The operators' use cases, wired: what they see of single answers, and what they may do."""

from collections.abc import Mapping

from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.container import Wiring
from routes.dependencies import Operations
from services.adapters.mongo.audit_log import MongoAuditLog
from services.adapters.mongo.documents import Document
from services.adapters.mongo.interventions import MongoInterventions
from services.adapters.mongo.operator_views import MongoViews
from services.operations.holding import LegalHold
from services.operations.interventions import Intervention
from services.operations.oversight import Oversight
from services.operations.sweep import Sweep, merged


def operations(
    settings: Settings, wiring: Wiring, database: AsyncDatabase[Document], oversight: Oversight
) -> Operations:
    """Hand them what they need; nothing is opened."""
    audit_log = MongoAuditLog(database)
    intervention = Intervention(
        sessions=wiring.sessions,
        records=wiring.records,
        scorings=wiring.closings,
        interventions=MongoInterventions(database),
        doorbell=wiring.doorbell,
        audit_log=audit_log,
        close=wiring.closing.close,
        supersede=wiring.closing.supersede,
        sweeping=lambda dry_run: sweeping(wiring.sweep, settings.failed_audio_hours, dry_run),
    )
    return Operations(
        intervention=intervention,
        views=MongoViews(database),
        audit_log=audit_log,
        workers=wiring.workers,
        oversight=oversight,
        legal_hold=LegalHold(sessions=wiring.sessions, holds=wiring.holds, audit_log=audit_log),
        trends=wiring.trends,
        grafana_url=settings.grafana_url,
    )


async def sweeping(sweep: Sweep, hours: float, dry_run: bool) -> Mapping[str, int]:
    """One sweep and one audit, or what they would find."""
    if dry_run:
        return (await sweep.survey(hours)).as_dict()
    return merged(await sweep.run(hours), await sweep.audit()).as_dict()
