"""Where the driver's troubles become ours, and where a call that is never answered ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from services.errors import StoreUnavailable

OUT_OF_DISK_SPACE, AUTHENTICATION_FAILED = 14031, 18
# Who is not let in now may be soon: users are made and passwords changed while processes run.
PASSING = (OUT_OF_DISK_SPACE, AUTHENTICATION_FAILED)
DEADLINE_SECONDS = 20.0


@asynccontextmanager
async def confirmed(seconds: float | None = DEADLINE_SECONDS) -> AsyncIterator[None]:
    """StoreUnavailable where the database was not reached or did not confirm, in time; no error tells what was asked.

    The driver sets no deadline for an open connection that is silent. An
    election ends well within this one.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as trouble:
        raise StoreUnavailable from trouble
    except PyMongoError as trouble:
        if _is_passing(trouble):
            raise StoreUnavailable from trouble
        if isinstance(trouble, OperationFailure):
            raise _without_data(trouble).with_traceback(trouble.__traceback__) from None
        raise


def _without_data(trouble: OperationFailure) -> OperationFailure:
    """What it was, and nothing of what it was about: the database repeats what it was asked, and errors are logged."""
    name = (trouble.details or {}).get("codeName", type(trouble).__name__)
    return OperationFailure("MongoDB refused", trouble.code, {"codeName": name})


def _is_passing(trouble: PyMongoError) -> bool:
    if isinstance(trouble, ConnectionFailure | ExecutionTimeout | WriteConcernError) or trouble.timeout:
        return True
    if isinstance(trouble, BulkWriteError):
        return not trouble.details["writeErrors"]  # written, and not confirmed
    return trouble.has_error_label("RetryableWriteError") or getattr(trouble, "code", None) in PASSING
