"""Whether each stored recording can be opened: the keys that recordings need and the keyring has not."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

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
    _found: set[EpochId] = field(default_factory=set, init=False)
    _looked_at: float | None = field(default=None, init=False)

    async def look(self) -> set[EpochId]:
        """The epochs whose keys are missing; KeyringTrouble."""
        now = self.clock()
        if self._looked_at is None or now - self._looked_at >= KEPT_SECONDS:
            found = await missing(self.keyring, self.journal)
            if found - self._found:
                log.error(
                    "recordings need keys that the keyring has not", epochs=sorted(found), where=self.keyring.where
                )
            self._found, self._looked_at = found, now
        return self._found
