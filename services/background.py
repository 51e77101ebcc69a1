"""What runs beside requests and jobs in one process: whatever ends it unexpectedly is told, and it begins anew."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from services.errors import StoreUnavailable

log = structlog.get_logger(__name__)

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0
# Who has worked for so long is not counted as having failed before.
CALM_SECONDS = 60.0

Work = Callable[[], Awaitable[None]]


class Kind(StrEnum):
    """What runs in the background, of the API or of a worker."""

    INDEXES = "indexes"
    HINTS = "hints"
    LOOKS = "looks"
    NEWS = "news"
    TOUCHES = "touches"
    HOLDS = "holds"
    ANNOUNCEMENTS = "announcements"
    SIGNS = "signs"
    HEARTBEATS = "heartbeats"
    WEBHOOKS = "webhooks"
    MICROPHONE_TESTS = "microphone_tests"
    INTERIM = "interim"
    ERASURES = "erasures"
    KEYS = "keys"
    RECEIVERS = "receivers"


@dataclass(slots=True)
class Standing:
    """How many of a kind run, how many of these wait to begin anew, and how often one has."""

    running: int = 0
    waiting: int = 0
    restarts: int = 0


async def _by_nobody(kind: Kind) -> None:
    """Counted in this process alone."""


@dataclass(slots=True, kw_only=True)
class Background:
    """The background work of one process; `count` is told of each restart, `tell` of each change."""

    count: Callable[[Kind], Awaitable[None]] = _by_nobody
    tell: Callable[[Kind, Standing], None] = lambda kind, standing: None
    kinds: dict[Kind, Standing] = field(default_factory=dict, init=False)

    def start(self, kind: Kind, work: Work) -> asyncio.Task[None]:
        """Keep the work going in a task of its own, which ends once the work returns, or is cancelled."""
        return asyncio.create_task(self.keep(kind, work), name=kind)

    def running(self) -> list[tuple[Kind, Standing]]:
        """What runs here now, or is to begin anew."""
        return [(kind, standing) for kind, standing in sorted(self.kinds.items()) if standing.running]

    async def keep(self, kind: Kind, work: Work) -> None:
        """Do the work until it returns; after an error again, and after each that follows soon a little later."""
        standing = self.kinds.setdefault(kind, Standing())
        standing.running += 1
        self.tell(kind, standing)
        pause = FIRST_SECONDS
        try:
            while True:
                begun = _now()
                try:
                    return await work()
                except (Exception, asyncio.CancelledError) as error:
                    if _is_told_to_end():
                        raise
                    log.exception("background work broke off", task=kind.value, error=type(error).__name__)
                pause = FIRST_SECONDS if _now() - begun > CALM_SECONDS else pause
                await self._rest(kind, standing, pause)
                pause = min(2 * pause, MOST_SECONDS)
        finally:
            standing.running -= 1

    async def _rest(self, kind: Kind, standing: Standing, seconds: float) -> None:
        standing.restarts += 1
        standing.waiting += 1
        self.tell(kind, standing)
        try:
            await self._counted(kind)
            await asyncio.sleep(seconds)
        finally:
            standing.waiting -= 1
            self.tell(kind, standing)

    async def _counted(self, kind: Kind) -> None:
        try:
            await self.count(kind)
        except StoreUnavailable:
            log.warning("restart not counted", task=kind.value)
        except Exception:
            log.exception("restart not counted", task=kind.value)


def _is_told_to_end() -> bool:
    """A cancellation that was meant for something that the work waited for is an error like any other."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _now() -> float:
    return asyncio.get_running_loop().time()
