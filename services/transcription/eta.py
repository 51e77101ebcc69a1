"""How long an answer is likely to take, from what waits and how fast it went lately."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import StoreUnavailable
from services.interviews.model import SessionId
from services.lately import Lately
from services.recordings.ports.backlog import Backlog, Pace

SHORTEST_WAIT = 1
LONGEST_WAIT = 60
MARGIN = 1.3


@dataclass(slots=True, kw_only=True)
class Eta:
    """What holds for all is asked of the database once a second at most."""

    backlog: Backlog
    clock: Callable[[], float] = time.monotonic
    _pace: Lately[Pace] = field(init=False)
    _all: Lately[int] = field(init=False)
    _known: int = field(default=SHORTEST_WAIT, init=False)

    def __post_init__(self) -> None:
        self._pace = Lately(read=self.backlog.pace, clock=self.clock)
        self._all = Lately(read=lambda: self.backlog.ahead(None), clock=self.clock)

    def look(self) -> None:
        """Begin to find out what `of_all` will be asked for soon."""
        self._pace.look()
        self._all.look()

    async def of_all(self) -> int:
        """Whole seconds until all that waits now is done.

        Where the database does not answer, what was known last: a guess is no reason to fail.
        """
        self.look()
        with suppress(StoreUnavailable):
            self._known = wait(await self._all.roughly(), await self._pace.roughly())
        return self._known

    async def of_session(self, id: SessionId) -> int:
        """Whole seconds until what the session waits for is done."""
        ahead, pace = await asyncio.gather(self.backlog.ahead(id), self._pace.get())
        return wait(ahead, pace)


def wait(ahead: int, pace: Pace) -> int:
    """Whole seconds until so many parts are done at this pace, with a margin, within bounds."""
    rounds = math.ceil(max(ahead, 1) / max(pace.slots, 1))
    return max(SHORTEST_WAIT, min(LONGEST_WAIT, math.ceil(rounds * pace.seconds_each * MARGIN)))
