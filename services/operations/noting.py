"""A deed of an operator stands in the log before it is done, and what came of it afterwards."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from services.errors import Problem, StoreUnavailable
from services.operations.ports.audit_log import AuditLog, Deed, Outcome

log = structlog.get_logger(__name__)

After = dict[str, object]


@asynccontextmanager
async def noted(audit_log: AuditLog, deed: Deed) -> AsyncIterator[After]:
    """Note the deed before it is done, and what came of it; who is cancelled leaves the outcome open."""
    id = await audit_log.begin(deed)
    after: After = {}
    try:
        yield after
    except StoreUnavailable as problem:
        await _note_end(audit_log, id, Outcome.BROKE_OFF, {"problem": problem.code})
        raise
    except Problem as problem:
        await _note_end(audit_log, id, Outcome.REFUSED, {"problem": problem.code})
        raise
    except Exception as error:
        await _note_end(audit_log, id, Outcome.BROKE_OFF, {"problem": type(error).__name__})
        raise
    await _note_end(audit_log, id, Outcome.DONE, after)


async def _note_end(audit_log: AuditLog, id: str, outcome: Outcome, after: Mapping[str, object]) -> None:
    try:
        await audit_log.end(id, outcome, after)
    except StoreUnavailable:
        log.warning("outcome not noted", entry=id, outcome=outcome.value)
