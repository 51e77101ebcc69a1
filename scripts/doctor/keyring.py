"""Whether recordings can be sealed and opened, and whether their keys go when they should."""

from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.finding import Finding, failing, ok, warning
from app.keys import NO_FOLDER, keyring_lack
from services.adapters.folder_keyring import FolderKeyring
from services.adapters.mongo.documents import Document
from services.adapters.mongo.epochs import MongoEpochs
from services.recordings.keys import trouble_with
from services.recordings.missing_keys import missing
from services.recordings.ports.keyring import Epoch, EpochState, KeyringTrouble

HOUR = 3600.0
STALE_SHARE = 2.0
ABSENT = (
    "Is KEYRING_DIR the right folder, and mounted? Put those files back into it; else their recordings can be read by "
    "nobody: docs/keys.md."
)


async def looked_at(database: AsyncDatabase[Document], settings: Settings) -> list[Finding]:
    """What the folder and the database say of each other."""
    if keyring_lack(settings):
        return [failing("Keyring", "recordings are to be sealed, and KEYRING_DIR is not set", NO_FOLDER)]
    if settings.keyring_dir is None:
        if sealed := await MongoEpochs(database).sealed_under():
            said = f"recordings are sealed under {len(sealed)} epochs, and KEYRING_DIR is not set"
            return [failing("Keyring", said, "Set KEYRING_DIR to the folder of their keys: docs/keys.md.")]
        todo = "Set KEYRING_DIR and ENCRYPT_RECORDINGS=1, or live with it: docs/keys.md."
        said = "recordings are not sealed: after their deletion MongoDB's log and backups still hold them"
        return [warning("Keyring", said, todo)]
    keyring, journal = FolderKeyring(settings.keyring_dir), MongoEpochs(database)
    try:
        if trouble := await trouble_with(keyring, journal):
            return [failing("Keyring", "it cannot be used", trouble)]
        newest, absent = await keyring.newest(), sorted(await missing(keyring, journal))
    except KeyringTrouble as trouble:
        return [failing("Keyring", "it cannot be read", str(trouble))]
    if others := keyring.open_to_others():
        todo = f"chmod -R o= {keyring.where}"
        return [failing("Keyring", f"any user of this machine may read or change {', '.join(others[:3])}", todo)]
    if absent:
        said = f"recordings need the keys of {', '.join(absent[-3:])}, and it has not got them"
        return [failing("Keyring", said, ABSENT)]
    found = [ok("Keyring", f"in {keyring.where}, {len(await keyring.epochs())} keys")]
    if newest is None and settings.encrypt_recordings:
        found = [failing("Keyring", "it has no key", "Start upkeep, or run `python -m scripts.keys rotate`.")]
    return [*found, *judged(await journal.epochs(), settings)]


def judged(epochs: list[Epoch], settings: Settings) -> list[Finding]:
    """What is noted of the epochs."""
    lost = [epoch.id for epoch in epochs if epoch.state is EpochState.LOST]
    if lost:
        todo = "Put the files back into KEYRING_DIR; else their recordings can be read by nobody: docs/keys.md."
        return [failing("Epochs", f"lost: the keys of {', '.join(lost[-3:])}", todo)]
    back = [epoch for epoch in epochs if epoch.state is EpochState.DESTROYED and epoch.returns]
    if back:
        todo = "Leave KEYRING_DIR out of backups: what comes back is destroyed again, and could be read until then."
        return [warning("Epochs", f"the key of {back[-1].id} came back after its destruction", todo)]
    newest = [epoch for epoch in epochs if epoch.state is EpochState.OPEN]
    if not newest:
        return [ok("Epochs", "none is open: nothing is sealed")]
    age = newest[-1].open_seconds / HOUR
    said = f"{newest[-1].id} began {age:.1f} h ago, {len(epochs) - len(newest)} before it"
    if age > STALE_SHARE * settings.epoch_hours:
        return [warning("Epochs", said, "A new one is due: does the audit run, and may upkeep write KEYRING_DIR?")]
    return [ok("Epochs", said)]
