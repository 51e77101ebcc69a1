"""What is logged while something is looked at."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from structlog import DropEvent
from structlog.testing import capture_logs
from structlog.typing import Processor

Line = MutableMapping[str, Any]
LOOKING: ContextVar[object] = ContextVar("looking", default=None)


@contextmanager
def captured(*processors: Processor) -> Iterator[list[Line]]:
    """The lines of who looks, and of the tasks that are begun from here on.

    Those of the tests' own connection to MongoDB, and of what another test left running, come when they come.
    """
    here = object()

    def without_others(_: object, __: str, line: Line) -> Line:
        if LOOKING.get() is not here:
            raise DropEvent
        return line

    before = LOOKING.set(here)
    try:
        with capture_logs(processors=[without_others, *processors]) as lines:
            yield lines
    finally:
        LOOKING.reset(before)
