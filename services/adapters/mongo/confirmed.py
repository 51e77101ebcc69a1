"""Where the driver's troubles become ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.errors import BulkWriteError, ConnectionFailure, ExecutionTimeout, PyMongoError, WriteConcernError

from services.errors import StoreUnavailable

OUT_OF_DISK_SPACE = 14031


@asynccontextmanager
async def confirmed() -> AsyncIterator[None]:
    """StoreUnavailable where the database was not reached or did not confirm."""
    try:
        yield
    except PyMongoError as trouble:
        if not _is_passing(trouble):
            raise
        raise StoreUnavailable from trouble


def _is_passing(trouble: PyMongoError) -> bool:
    if isinstance(trouble, ConnectionFailure | ExecutionTimeout | WriteConcernError) or trouble.timeout:
        return True
    if isinstance(trouble, BulkWriteError):
        return not trouble.details["writeErrors"]  # written, and not confirmed
    return trouble.has_error_label("RetryableWriteError") or getattr(trouble, "code", None) == OUT_OF_DISK_SPACE
