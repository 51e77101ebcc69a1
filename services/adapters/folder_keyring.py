"""The port Keyring as a folder of files, which one process writes and others of the same user may read.

keyring.json          which keyring it is, and whose
<epoch>.key           the key of an epoch
<epoch>.doomed        the same file, once it is about to be destroyed
.draft-…              what a crash left of a file that was being written; the next writer removes it
lock                  held by who writes
"""

import asyncio
import base64
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from services.recordings.ports.keyring import EpochId, EpochKey, Identity, KeyringTrouble

VERSION = 1
IDENTITY, LOCK, DRAFT = "keyring.json", "lock", ".draft-"
KEY, DOOMED = ".key", ".doomed"
EPOCH = re.compile(r"\d{8}-[0-9a-f]{8}")
SECRET_BYTES, SUM_LETTERS = 32, 16
ANSWER_SECONDS = 10.0
OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH

T = TypeVar("T")


class FolderKeyring:
    """The ports Keyring and KeyringWriter; the folder is made with the keyring, and by nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        return str(self._folder)

    async def identity(self) -> Identity | None:
        return await self._soon(self._identity)

    async def newest(self) -> EpochKey | None:
        return await self._soon(self._newest)

    async def find(self, id: EpochId) -> EpochKey | None:
        return await self._soon(lambda: self._found(id))

    async def is_doomed(self, id: EpochId) -> bool:
        return await self._soon(lambda: not self._file(id, KEY).exists())

    async def epochs(self) -> list[EpochId]:
        return await self._soon(lambda: sorted(self._listed(KEY, DOOMED)))

    @asynccontextmanager
    async def writing(self, *, makes: bool = False) -> AsyncIterator[bool]:
        lock = await self._done(lambda: self._locked(makes))
        try:
            if lock is not None:
                await self._done(self._clear)
            yield lock is not None
        finally:
            if lock is not None:
                os.close(lock)

    async def make(self, identity: Identity) -> None:
        await self._done(lambda: self._make(identity))

    async def add(self, key: EpochKey) -> None:
        await self._done(lambda: self._write(self._file(key.id, KEY), _key_text(key)))

    async def doom(self, id: EpochId) -> None:
        await self._done(lambda: self._rename(self._file(id, KEY), self._file(id, DOOMED)))

    async def spare(self, id: EpochId) -> None:
        await self._done(lambda: self._rename(self._file(id, DOOMED), self._file(id, KEY)))

    async def destroy(self, id: EpochId) -> None:
        for kind in (KEY, DOOMED):
            path = self._file(id, kind)
            await self._done(partial(self._wipe, path))

    def open_to_others(self) -> list[str]:
        """What of it any user of the machine may read or change, by name."""
        there = [self._folder, *self._folder.iterdir()] if self._folder.is_dir() else []
        return [each.name for each in there if each.stat().st_mode & OTHERS]

    async def _soon(self, look: Callable[[], T]) -> T:
        """A look, given up where a shared folder hangs; what writes is waited for to its end."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._done(look)
        except TimeoutError:
            raise KeyringTrouble(f"The keyring in {self.where} does not answer.") from None

    async def _done(self, work: Callable[[], T]) -> T:
        """In a thread: a shared folder may be slow."""
        try:
            return await asyncio.to_thread(work)
        except OSError as trouble:
            raise KeyringTrouble(f"The keyring in {self.where}: {trouble.strerror}.") from trouble

    def _identity(self) -> Identity | None:
        try:
            return self._told(self._folder / IDENTITY, lambda row: Identity(str(row["keyring"]), str(row["database"])))
        except FileNotFoundError:
            return None

    def _newest(self) -> EpochKey | None:
        for id in sorted(self._listed(KEY), reverse=True):
            if key := self._read(id, KEY):
                return key
        return None

    def _found(self, id: EpochId) -> EpochKey | None:
        """Looked for twice: it may be renamed in between."""
        return self._read(id, KEY) or self._read(id, DOOMED) or self._read(id, KEY)

    def _read(self, id: EpochId, kind: str) -> EpochKey | None:
        try:
            return self._told(self._file(id, kind), lambda row: _key(id, row))
        except FileNotFoundError:
            return None

    def _told(self, path: Path, reading: Callable[[dict[str, Any]], T]) -> T:
        try:
            row = json.loads(path.read_text())
            if row["version"] == VERSION:
                return reading(row)
        except (ValueError, TypeError, KeyError):
            raise KeyringTrouble(f"The file {path} of the keyring is damaged. Put it back from a copy.") from None
        raise KeyringTrouble(f"The file {path} of the keyring was written by another version.")

    def _listed(self, *kinds: str) -> set[EpochId]:
        names = [name.partition(".") for name in _names(self._folder)]
        return {EpochId(id) for id, dot, kind in names if EPOCH.fullmatch(id) and dot + kind in kinds}

    def _file(self, id: EpochId, kind: str) -> Path:
        if not EPOCH.fullmatch(id):
            raise KeyringTrouble("There is no epoch of this name.")
        return self._folder / f"{id}{kind}"

    def _locked(self, makes: bool) -> int | None:
        if makes:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        except OSError:
            os.close(lock)
            raise
        return lock

    def _clear(self) -> None:
        for name in _names(self._folder):
            if name.startswith(DRAFT):
                self._wipe(self._folder / name)

    def _make(self, identity: Identity) -> None:
        row = {"version": VERSION, "keyring": identity.keyring, "database": identity.database}
        self._write(self._folder / IDENTITY, json.dumps(row), is_new=True)

    def _write(self, path: Path, text: str, *, is_new: bool = False) -> None:
        """The whole file or none, also after a power cut."""
        draft = path.with_name(f"{DRAFT}{path.name}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if is_new and path.exists():
            draft.unlink()
            raise KeyringTrouble(f"There is a keyring in {self.where} already.")
        draft.replace(path)
        self._sync()

    def _rename(self, old: Path, new: Path) -> None:
        with suppress(FileNotFoundError):
            old.replace(new)
            self._sync()

    def _wipe(self, path: Path) -> None:
        """Overwrite it where it lies, then remove it; each is on the disk before the next."""
        with suppress(FileNotFoundError):
            with path.open("r+b", buffering=0) as file:
                file.write(os.urandom(os.fstat(file.fileno()).st_size))
                os.fsync(file.fileno())
            path.unlink()
            self._sync()

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  the names alone, in one call
    except FileNotFoundError:
        return []


def _key(id: EpochId, row: dict[str, Any]) -> EpochKey:
    secret = base64.b64decode(str(row["key"]), validate=True)
    if len(secret) != SECRET_BYTES or _sum(secret) != row["sum"] or row["epoch"] != id:
        raise ValueError(id)
    return EpochKey(id, secret)


def _key_text(key: EpochKey) -> str:
    secret = base64.b64encode(key.secret).decode()
    return json.dumps({"version": VERSION, "epoch": key.id, "key": secret, "sum": _sum(key.secret)})


def _sum(secret: bytes) -> str:
    """Tells damage; of 32 random bytes it gives nothing away."""
    return hashlib.sha256(secret).hexdigest()[:SUM_LETTERS]
