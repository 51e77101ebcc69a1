"""What somebody does who wants a deleted recording back: put it together from what MongoDB has kept of its writes."""

import hashlib
import mmap
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo import MongoClient

from scripts.stack.programs import find_mongod
from services.errors import AudioSealBroken
from services.interviews.model import PartId
from services.recordings.ports.keyring import EpochId, EpochKey
from services.recordings.sealing import Envelope, opened
from tests.servers import free_port, listens, running

Document = dict[str, Any]
WINDOW, STEP = 48, 4096


@dataclass
class Kept:
    """A recording, as its writes stand in the log."""

    id: PartId
    file: Document | None = None
    chunks: dict[int, Document] = field(default_factory=dict)

    @property
    def stored(self) -> bytes:
        return b"".join(bytes(self.chunks[n]["data"]) for n in sorted(self.chunks))

    def opened(self, keys: dict[str, EpochKey]) -> bytes | None:
        """Its sound, if one of the keys gives it back."""
        sealed = (self.file or {}).get("metadata", {}).get("sealed")
        if sealed is None or sealed["epoch"] not in keys:
            return None
        envelope = Envelope(EpochId(sealed["epoch"]), bytes(sealed["key"]), sealed["version"])
        seal = opened(self.id, envelope, keys[sealed["epoch"]])
        return b"".join(seal.open(n, bytes(c["data"]), bytes(c["tag"])) for n, c in sorted(self.chunks.items()))

    def tried(self, keys: dict[str, EpochKey]) -> list[bytes]:
        """What comes of it under each key, whatever epoch it is of."""
        sealed, found = (self.file or {}).get("metadata", {}).get("sealed"), []
        for key in keys.values():
            try:
                seal = opened(self.id, Envelope(key.id, bytes(sealed["key"])), key)
                found.append(b"".join(seal.open(n, c["data"], c["tag"]) for n, c in sorted(self.chunks.items())))
            except AudioSealBroken:
                continue
        return found


def from_log(client: MongoClient[Document], database: str) -> list[Kept]:
    """All recordings that were ever stored, as far back as the log reaches."""
    found: dict[ObjectId, Kept] = {}
    for entry in client["local"]["oplog.rs"].find({}, {"op": True, "ns": True, "o": True}):
        inner = entry["o"].get("applyOps") if entry["op"] == "c" else None
        for write in inner or [entry]:
            if write["op"] != "i":
                continue
            row = write["o"]
            if write["ns"] == f"{database}.fs.files":
                found.setdefault(row["_id"], Kept(PartId(str(row["_id"])))).file = row
            if write["ns"] == f"{database}.fs.chunks":
                found.setdefault(row["files_id"], Kept(PartId(str(row["files_id"])))).chunks[row["n"]] = row
    return [kept for kept in found.values() if kept.file is not None]


@contextmanager
def on_a_copy(data: Path, folder: Path) -> Iterator[MongoClient[Document]]:
    """A mongod on a copy of another's files, with nobody to ask for a password."""
    shutil.copytree(data, folder / "copy", ignore=shutil.ignore_patterns("mongod.lock", "password"))
    port = free_port()
    command: list[str | Path] = [find_mongod(), "--dbpath", folder / "copy", "--port", str(port)]
    command += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--quiet"]
    url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    with running(command, folder / "copy.log", lambda: listens(port)), MongoClient[Document](url) as client:
        yield client


def sums(recordings: list[bytes]) -> set[str]:
    return {hashlib.sha256(each).hexdigest() for each in recordings}


def windows(recording: bytes) -> list[bytes]:
    """Places in it by which it would be known."""
    return [recording[at : at + WINDOW] for at in range(STEP, len(recording) - WINDOW, STEP)]


def places_with(words: list[bytes], root: Path) -> list[Path]:
    """The files below in which one of the words stands."""
    return [file for file in sorted(root.rglob("*")) if file.is_file() and _holds(file, words)]


def _holds(file: Path, words: list[bytes]) -> bool:
    if not file.stat().st_size:
        return False
    with file.open("rb") as held, mmap.mmap(held.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(word) >= 0 for word in words)
