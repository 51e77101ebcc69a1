"""One fault, at one call of a port: what a process is like in which the n-th call goes wrong."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from services.errors import StoreUnavailable
from tests.processes import Died


class Fault(StrEnum):
    REFUSED = "refused, without effect"
    UNCONFIRMED = "took effect, and was not confirmed"
    DIED = "took effect, and the process died"
    STOPPED = "took effect, and the caller was cancelled"


TROUBLES: dict[Fault, type[BaseException]] = {
    Fault.REFUSED: StoreUnavailable,
    Fault.UNCONFIRMED: StoreUnavailable,
    Fault.DIED: Died,
    Fault.STOPPED: asyncio.CancelledError,
}


@dataclass
class Faulty:
    """A process in which the n-th call suffers the fault; later calls of a dead one have no effect."""

    fault: Fault
    at: int
    calls: int = 0
    struck: str | None = None
    dead: bool = False

    async def before(self, call: str) -> int:
        if self.dead:
            raise Died
        self.calls += 1
        if self.fault is Fault.REFUSED:
            self._strike(call, self.calls)
        return self.calls

    async def after(self, call: str, number: int) -> None:
        if self.dead:
            raise Died
        if self.fault is not Fault.REFUSED:
            self._strike(call, number)

    def _strike(self, call: str, number: int) -> None:
        if number == self.at:
            self.struck = call
            self.dead = self.fault is Fault.DIED
            raise TROUBLES[self.fault]()
