"""The keys of epochs, as who seals and opens recordings has them: its own database's, each for a short while.

A key is not destroyed before its epoch has been closed for LEAST_GRACE_SECONDS,
and not while a recording is stored under it. Who seals looks, once the recording
is stored, whether the key is doomed; who destroys dooms first and then looks for
recordings. So one of the two sees the other.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from services.errors import AudioKeyGone, KeyringUnavailable
from services.recordings.ports.keyring import EpochId, EpochJournal, EpochKey, Keyring, KeyringTrouble

log = structlog.get_logger(__name__)

KEPT_SECONDS = 60.0
LEAST_GRACE_SECONDS = 300.0


def numbered(number: int, mark: str) -> EpochId:
    """Epochs are in the order of their numbers."""
    return EpochId(f"{number:08d}-{mark}")


def number_of(id: EpochId) -> int:
    return int(id.partition("-")[0])


async def is_first(keyring: Keyring, journal: EpochJournal) -> bool:
    """Whether the keyring may be made: none is there, no epoch ever was, and nothing is stored that was sealed."""
    if await keyring.identity() is not None or await journal.newest_number():
        return False
    return not await journal.sealed_under()


async def mismatch(keyring: Keyring, journal: EpochJournal) -> str | None:
    """Why the keyring cannot be used for this database; None where it can, or is still to be made.

    It is claimed before it is made, and made before anything is sealed: looked at in this order, one that is made
    meanwhile is none that is lost, nor another's.
    """
    if await is_first(keyring, journal):
        return None
    found, expected, where = await keyring.identity(), await journal.identity(), keyring.where
    if found is not None and found == expected:
        return None
    if found is None:
        return (
            f"There is no keyring in {where}, and recordings were sealed with one. Set KEYRING_DIR to its folder, or "
            "mount that. Only if it is lost for good: python -m scripts.keys replace --lost"
        )
    if expected is None and await journal.sealed_under():
        return (
            "The database has recordings that are sealed, and no note of their keyring. Put its collections `keyring` "
            "and `epochs` back from where the recordings came from."
        )
    return (
        f"The keyring in {where} is another database's. Set KEYRING_DIR to this one's own folder; each database has "
        "a keyring of its own."
    )


async def trouble_with(keyring: Keyring, journal: EpochJournal) -> str | None:
    """Why the keyring cannot be used now; None where it can."""
    if trouble := await mismatch(keyring, journal):
        return trouble
    if await keyring.identity() is None:
        return f"No keyring was made in {keyring.where} yet: the API and upkeep make one as they start."
    return None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A key, and when it was read."""

    key: EpochKey
    at: float


@dataclass(slots=True, kw_only=True)
class Keys:
    """Reads the keyring when it must, and forgets what it read after KEPT_SECONDS."""

    keyring: Keyring
    journal: EpochJournal
    clock: Callable[[], float] = time.monotonic
    _newest: Loaded | None = field(default=None, init=False)
    _known: dict[EpochId, Loaded] = field(default_factory=dict, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _told: str | None = field(default=None, init=False)

    async def newest(self) -> Loaded:
        """The key to seal with; KeyringUnavailable where there is none."""
        if self._newest is not None and self._is_fresh(self._newest):
            return self._newest
        async with self._reading:
            if self._newest is None or not self._is_fresh(self._newest):
                self._newest = None
                async with self._usable():
                    self._newest = self._kept(await self._read_newest())
            return self._newest

    async def find(self, id: EpochId) -> EpochKey:
        """The key to open with; AudioKeyGone where it is no more, and KeyringUnavailable where that cannot be told."""
        known = self._known.get(id)
        if known is not None and self._is_fresh(known):
            return known.key
        async with self._usable():
            await self.check()
            key = await self.keyring.find(id)
            if key is None and not await self._is_past(id):
                raise KeyringTrouble(f"The keyring in {self.keyring.where} has no key of epoch {id} yet.")
        if key is None:
            raise AudioKeyGone
        return self._kept(key).key

    async def is_doomed(self, loaded: Loaded) -> bool:
        """Whether a recording that was sealed with it, and is stored now, may be stored in vain."""
        if self.clock() - loaded.at < LEAST_GRACE_SECONDS:
            return False
        return await self.is_going(loaded.key.id)

    async def is_going(self, id: EpochId) -> bool:
        """Whether the key is about to be destroyed, or is."""
        async with self._usable():
            return await self.keyring.is_doomed(id)

    async def check(self) -> None:
        """KeyringTrouble unless the keyring is there, and this database's."""
        if trouble := await trouble_with(self.keyring, self.journal):
            raise KeyringTrouble(trouble)

    @asynccontextmanager
    async def _usable(self) -> AsyncIterator[None]:
        """Trouble is told once, in the log; who sent a recording hears no more than that it is there."""
        try:
            yield
        except KeyringTrouble as trouble:
            if self._told != str(trouble):
                log.error("the keyring cannot be used", reason=str(trouble))
            self._told = str(trouble)
            raise KeyringUnavailable from trouble
        self._told = None

    async def _read_newest(self) -> EpochKey:
        await self.check()
        key = await self.keyring.newest()
        if key is None:
            raise KeyringTrouble(f"The keyring in {self.keyring.where} has no key yet.")
        return key

    async def _is_past(self, id: EpochId) -> bool:
        """Whether a newer epoch is there: then this one's key will not appear any more."""
        newest = await self.keyring.newest()
        return newest is not None and number_of(newest.id) > number_of(id)

    def _is_fresh(self, loaded: Loaded) -> bool:
        return self.clock() - loaded.at < KEPT_SECONDS

    def _kept(self, key: EpochKey) -> Loaded:
        loaded = self._known[key.id] = Loaded(key, self.clock())
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget, loaded)
        return loaded

    def _forget(self, loaded: Loaded) -> None:
        """Whatever the clock says: a loop's timers may go off a moment before it."""
        if self._known.get(loaded.key.id) is loaded:
            del self._known[loaded.key.id]
        if self._newest is loaded:
            self._newest = None
