"""Where the keys of epochs are kept, outside the database, and what the database notes of them: never a key."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

EpochId = NewType("EpochId", str)


class KeyringTrouble(Exception):
    """Why a keyring cannot be used: a sentence for an operator, who may read where it is."""


@dataclass(frozen=True, slots=True)
class EpochKey:
    """The key under which the keys of an epoch's recordings are wrapped; it is never shown."""

    id: EpochId
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which keyring it is, and whose: the database's own name for itself."""

    keyring: str
    database: str


class Keyring(Protocol):
    """The keys of one database's recordings; KeyringTrouble, with a sentence, where they cannot be read."""

    @property
    def where(self) -> str:
        """The place, for sentences."""

    async def identity(self) -> Identity | None:
        """None where no keyring is."""

    async def newest(self) -> EpochKey | None:
        """The key of the newest epoch that is not doomed."""

    async def find(self, id: EpochId) -> EpochKey | None:
        """The key of this epoch, be it doomed or not; None once it is gone."""

    async def is_doomed(self, id: EpochId) -> bool:
        """Whether it is about to be destroyed, or is."""

    async def epochs(self) -> list[EpochId]:
        """Those whose keys are there, oldest first."""


class KeyringWriter(Keyring, Protocol):
    """A keyring, for the one process that writes it. What was written is there after a power cut."""

    def writing(self, *, makes: bool = False) -> AbstractAsyncContextManager[bool]:
        """Alone; False where another process writes, and then nothing may be written here.

        KeyringTrouble where its place is not there; who makes the keyring makes that too.
        """

    async def make(self, identity: Identity) -> None:
        """A new, empty keyring; KeyringTrouble where one is."""

    async def add(self, key: EpochKey) -> None: ...

    async def doom(self, id: EpochId) -> None:
        """From now on `is_doomed`; the key can still be found."""

    async def spare(self, id: EpochId) -> None:
        """Doomed no more."""

    async def destroy(self, id: EpochId) -> None:
        """Overwrite the key and remove it. Nothing there is no error."""


class EpochState(StrEnum):
    """The life of an epoch. `lost`: its key was gone before anybody destroyed it."""

    OPEN = "open"
    CLOSED = "closed"
    DOOMED = "doomed"
    DESTROYED = "destroyed"
    LOST = "lost"


# Their keys are in the keyring.
THERE = (EpochState.OPEN, EpochState.CLOSED, EpochState.DOOMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What is noted of an epoch; seconds since then by the store's clock, None where it was not."""

    id: EpochId
    state: EpochState
    open_seconds: float
    closed_seconds: float | None = None
    unused_seconds: float | None = None
    gone_seconds: float | None = None
    reason: str | None = None
    returns: int = 0


class EpochJournal(Protocol):
    """What the database notes of its keyring. What changes an epoch does nothing where its state does not fit."""

    async def identity(self) -> Identity | None:
        """The keyring that this database seals with; None where it never had one."""

    async def claim(self, identity: Identity) -> Identity:
        """Have this one, unless there is one; the one that it then has."""

    async def replace(self, keyring: str) -> Identity:
        """Seal with this one from now on, under the database's old name."""

    async def epochs(self, *states: EpochState) -> list[Epoch]:
        """Those in one of these states, oldest first; all where none is named."""

    async def newest_number(self) -> int:
        """Of all that ever were; 0 where none was."""

    async def open(self, id: EpochId) -> None:
        """Note a new epoch; nothing where it is known."""

    async def close(self, id: EpochId) -> None:
        """Nothing new is sealed under it."""

    async def unused(self, id: EpochId) -> None:
        """No recording needs it, since now if not since before."""

    async def used(self, id: EpochId) -> None:
        """A recording needs it after all."""

    async def doom(self, id: EpochId, reason: str) -> None:
        """It is about to be destroyed."""

    async def spare(self, id: EpochId) -> None:
        """A doomed one is closed again."""

    async def destroyed(self, id: EpochId) -> None:
        """Its key is gone for good, since now."""

    async def lost(self, id: EpochId) -> None:
        """Its key was not found, since now."""

    async def returned(self, id: EpochId) -> None:
        """The key of a lost epoch is back, or one of a destroyed epoch came back and was destroyed again."""

    async def recordings(self, id: EpochId) -> int:
        """How many stored recordings are sealed under it."""

    async def sealed_under(self) -> set[EpochId]:
        """Those under which a stored recording is sealed, noted or not."""

    async def is_arriving(self, id: EpochId) -> bool:
        """Whether an upload goes on that began before the epoch was closed."""
