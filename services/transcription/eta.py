"""How long an answer is likely to take, from what waits and how fast it went lately."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import StoreUnavailable
from services.interviews.model import SessionId
from services.recordings.ports.backlog import Backlog

FRESH_SECONDS = 1.0
SHORTEST_WAIT = 1
LONGEST_WAIT = 60
MARGIN = 1.3


@dataclass(slots=True, kw_only=True)
class Eta:
    backlog: Backlog
    clock: Callable[[], float] = time.monotonic
    _known: int = field(default=1, init=False)
    _until: float = field(default=float("-inf"), init=False)

    async def of_all(self) -> int:
        """Whole seconds until all that waits now is done; asked of the database once a second at most.

        Where the database does not answer, what was known last: a guess is no reason to fail.
        """
        if self.clock() >= self._until:
            self._until = self.clock() + FRESH_SECONDS
            with suppress(StoreUnavailable):
                self._known = await self._wait(None)
        return self._known

    async def of_session(self, id: SessionId) -> int:
        """Whole seconds until what the session waits for is done."""
        return await self._wait(id)

    async def _wait(self, id: SessionId | None) -> int:
        load = await self.backlog.load(id)
        return wait(load.ahead, load.slots, load.seconds_each)


def wait(ahead: int, slots: int, seconds_each: float) -> int:
    """Whole seconds until so many parts are done by so many at once, with a margin, within bounds."""
    rounds = math.ceil(max(ahead, 1) / max(slots, 1))
    return max(SHORTEST_WAIT, min(LONGEST_WAIT, math.ceil(rounds * seconds_each * MARGIN)))
