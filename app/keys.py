"""The keys of recordings, as the settings have them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from services.adapters.folder_keyring import FolderKeyring
from services.adapters.mongo.documents import Document
from services.adapters.mongo.epochs import MongoEpochs
from services.adapters.mongo.sealing import Sealing
from services.errors import StoreUnavailable
from services.operations.epochs import Epochs
from services.recordings.keys import Keys
from services.recordings.missing_keys import MissingKeys
from services.recordings.ports.keyring import KeyringTrouble

log = structlog.get_logger(__name__)

HOUR = 3600.0
AGAIN_SECONDS = 1.0
NO_FOLDER = (
    "set KEYRING_DIR to a folder that API, workers, upkeep and cleanup share, and that is in no backup of MongoDB, or "
    "set ENCRYPT_RECORDINGS=0: recordings can then be read in MongoDB's log, snapshots and backups after their deletion"
)


@dataclass(frozen=True, slots=True)
class KeyStore:
    """How recordings are sealed, and who tends the keys; all but `sealing` is None where there is no keyring."""

    sealing: Sealing
    keys: Keys | None = None
    epochs: Epochs | None = None
    missing: MissingKeys | None = None

    async def begin(self) -> None:
        """Return once there is a key to seal with; the first process that may write makes the first one."""
        while self.epochs is not None and self.sealing.seals:
            with suppress(StoreUnavailable):
                if await self.epochs.ensure():
                    break
            await asyncio.sleep(AGAIN_SECONDS)
        await self.look()

    async def look(self) -> None:
        """Say in the log, as a process starts, what recordings cannot be opened for."""
        while self.epochs is not None and self.missing is not None:
            with suppress(StoreUnavailable):
                if trouble := await self.epochs.obstacle():
                    log.error("the keyring cannot be used", reason=trouble)
                else:
                    await self.missing_keys()
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def missing_keys(self) -> int:
        """How many keys that recordings need are not there; 0 where that cannot be told."""
        with suppress(KeyringTrouble):
            return 0 if self.missing is None else len(await self.missing.look())
        return 0


def keyring_lack(settings: Settings) -> str | None:
    """What the settings lack to seal recordings; None where nothing."""
    return NO_FOLDER if settings.encrypt_recordings and settings.keyring_dir is None else None


def key_store(settings: Settings, database: AsyncDatabase[Document]) -> KeyStore:
    """Nothing is opened, and nothing made."""
    if settings.keyring_dir is None:
        return KeyStore(Sealing(seals=settings.encrypt_recordings))
    keyring, journal = FolderKeyring(settings.keyring_dir), MongoEpochs(database)
    keys = Keys(keyring=keyring, journal=journal)
    epochs = Epochs(
        keyring=keyring,
        journal=journal,
        is_sealing=settings.encrypt_recordings,
        most_seconds=settings.epoch_hours * HOUR,
        grace_seconds=settings.epoch_grace_hours * HOUR,
    )
    missing = MissingKeys(keyring=keyring, journal=journal)
    return KeyStore(Sealing(keys=keys, seals=settings.encrypt_recordings), keys, epochs, missing)
