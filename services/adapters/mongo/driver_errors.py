"""Where the driver's troubles become ours, and where a call that is never answered ends."""

import asyncio
import errno
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from services.errors import StoreUnavailable

Work = TypeVar("Work", bound=Callable[..., Coroutine[Any, Any, Any]])

UNKNOWN_ERROR, OUT_OF_DISK_SPACE, AUTHENTICATION_FAILED = 8, 14031, 18
# The storage engine has the system's number of the error before its text, and no code of its own for it.
NO_ROOM = tuple(f"{number}: " for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS))
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
    if isinstance(trouble, CursorNotFound):
        return True  # it was begun before a restart, or ten minutes ago
    if isinstance(trouble, BulkWriteError) and not trouble.details["writeErrors"]:
        return True  # written, and not confirmed
    return trouble.has_error_label("RetryableWriteError") or lets_nobody_in(trouble) or has_no_room(trouble)


def lets_nobody_in(trouble: BaseException | None) -> bool:
    """Whether the user or the password is none; it may soon be one, as both are changed while processes run."""
    return getattr(trouble, "code", None) == AUTHENTICATION_FAILED


def has_no_room(trouble: BaseException | None) -> bool:
    """Whether the disk of the database takes nothing."""
    if isinstance(trouble, BulkWriteError):
        refused: list[dict[str, Any]] = trouble.details["writeErrors"]
        return bool(refused) and all(_is_of_disk(each.get("code"), each.get("errmsg")) for each in refused)
    if not isinstance(trouble, OperationFailure):
        return False
    return _is_of_disk(trouble.code, (trouble.details or {}).get("errmsg"))


def _is_of_disk(code: Any, said: Any) -> bool:
    return code == OUT_OF_DISK_SPACE or (code == UNKNOWN_ERROR and str(said).startswith(NO_ROOM))
