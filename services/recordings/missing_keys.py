"""Whether each stored recording can be opened: the keys that recordings need and the keyring has not."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from services.lately import Lately
from services.recordings.keys import KEPT_SECONDS
from services.recordings.ports.keyring import EpochId, EpochJournal, Keyring

log = structlog.get_logger(__name__)


async def missing(keyring: Keyring, journal: EpochJournal) -> set[EpochId]:
    """A key is there before anything is sealed under it: so the recordings are asked first."""
    needed = await journal.sealed_under()
    return needed - set(await keyring.epochs())


@dataclass(slots=True, kw_only=True)
class MissingKeys:
    """Looks again after KEPT_SECONDS; what has become missing is told in the log."""

    keyring: Keyring
    journal: EpochJournal
    clock: Callable[[], float] = time.monotonic
    _told: set[EpochId] = field(default_factory=set, init=False)
    _found: Lately[set[EpochId]] = field(init=False)

    def __post_init__(self) -> None:
        self._found = Lately(read=self._read, clock=self.clock, seconds=KEPT_SECONDS)

    async def look(self) -> set[EpochId]:
        """The epochs whose keys are missing; KeyringTrouble."""
        return await self._found.get()

    async def _read(self) -> set[EpochId]:
        found = await missing(self.keyring, self.journal)
        if found - self._told:
            log.error("recordings need keys that the keyring has not", epochs=sorted(found), where=self.keyring.where)
        self._told = found
        return found
