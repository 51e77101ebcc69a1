"""Where the driver's troubles become ours, and where a call that is never answered ends."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from services.errors import StoreUnavailable

Work = TypeVar("Work", bound=Callable[..., Coroutine[Any, Any, Any]])

OUT_OF_DISK_SPACE, AUTHENTICATION_FAILED = 14031, 18
# Who is not let in now may be soon: users are made and passwords changed while processes run.
PASSING = (OUT_OF_DISK_SPACE, AUTHENTICATION_FAILED)
DEADLINE_SECONDS = 20.0


class confirmed:  # noqa: N801  it reads as what it promises
    """StoreUnavailable where the database was not reached or did not confirm, in time; no error tells what was asked.

    For a block, or around a function. The driver sets no deadline for an open
    connection that is silent. An election ends well within this one.
    """

    def __init__(self, seconds: float | None = DEADLINE_SECONDS) -> None:
        self._seconds = seconds

    def __call__(self, work: Work) -> Work:
        seconds = self._seconds

        @wraps(work)
        async def worked(*arguments: Any, **named: Any) -> Any:
            async with confirmed(seconds):
                return await work(*arguments, **named)

        return cast("Work", worked)

    async def __aenter__(self) -> None:
        self._deadline = asyncio.timeout(self._seconds)
        await self._deadline.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._deadline.__aexit__(kind, trouble, trace)
        except TimeoutError as late:
            raise StoreUnavailable from late
        if isinstance(trouble, TimeoutError):
            raise StoreUnavailable from trouble
        if not isinstance(trouble, PyMongoError):
            return
        if _is_passing(trouble):
            raise StoreUnavailable from trouble
        if isinstance(trouble, OperationFailure):
            raise _without_data(trouble).with_traceback(trace) from None


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
