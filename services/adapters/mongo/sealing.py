"""What of a recording is sealed as it is stored, and opened as it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from services.adapters.mongo.documents import Document
from services.errors import AudioKeyGone, KeyringUnavailable
from services.interviews.model import PartId
from services.recordings.keys import Keys, Loaded
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.ports.keyring import EpochId
from services.recordings.sealing import Envelope, Seal, new_seal, opened

log = structlog.get_logger(__name__)

# What stands in a chunk beside its place.
SEALED = {"data": True, "tag": True, "nonce": True}
DOOMED = "The recording was sealed under a key that is about to go. Send it again."


@dataclass(frozen=True, slots=True)
class Begun:
    """A recording that is being sealed."""

    seal: Seal
    envelope: Envelope
    key: Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Seals new recordings if it is told to, and opens those that are sealed."""

    keys: Keys | None = None
    seals: bool = False

    async def begin(self, id: PartId) -> Begun | None:
        """None where nothing is sealed; KeyringUnavailable where there is no key."""
        if not self.seals:
            return None
        key = await self._keys().newest()
        seal, envelope = new_seal(id, key.key)
        return Begun(seal, envelope, key)

    async def confirm(self, begun: Begun | None) -> None:
        """Once all is stored: KeyringUnavailable where its key may go before its end."""
        if begun is not None and await self._keys().is_doomed(begun.key):
            raise KeyringUnavailable(DOOMED)

    async def of(self, id: PartId, metadata: Mapping[str, Any]) -> Seal | None:
        """What opens a stored recording; None where it is not sealed. AudioKeyGone, AudioSealBroken."""
        envelope = envelope_of(metadata)
        return None if envelope is None else await self.opened(id, envelope)

    async def opened(self, id: PartId, envelope: Envelope) -> Seal:
        """What opens a recording with this envelope. AudioKeyGone, AudioSealBroken."""
        return opened(id, envelope, await self._keys().find(envelope.epoch))

    async def stays(self, envelope: Envelope | None) -> bool:
        """Whether what is sealed like this can be read, and goes on to be."""
        if envelope is None:
            return True
        try:
            await self._keys().find(envelope.epoch)
        except AudioKeyGone:
            return False
        return not await self._keys().is_going(envelope.epoch)

    def _keys(self) -> Keys:
        if self.keys is None:
            log.error("recordings are sealed, and KEYRING_DIR is not set")
            raise KeyringUnavailable
        return self.keys


def noted(begun: Begun | None) -> Document:
    """What stands in a file's metadata of how it is sealed."""
    return sealed_under(None if begun is None else begun.envelope)


def sealed_under(envelope: Envelope | None) -> Document:
    """What is stored of an envelope."""
    if envelope is None:
        return {}
    return {"sealed": {"version": envelope.version, "epoch": envelope.epoch, "key": envelope.wrapped}}


def envelope_of(metadata: Mapping[str, Any]) -> Envelope | None:
    """What was stored of an envelope."""
    sealed = metadata.get("sealed")
    return sealed and Envelope(EpochId(sealed["epoch"]), bytes(sealed["key"]), sealed["version"])


def contents(seal: Seal | None, n: int, plain: memoryview) -> Document:
    """What stands in a chunk: as many bytes as are sealed, and beside them their tag."""
    if seal is None:
        return {"data": bytes(plain)}
    data, tag = seal.seal(n, plain)
    return {"data": data, "tag": tag}


def plain_of(seal: Seal | None, n: int, chunk: Mapping[str, Any]) -> bytes:
    """The bytes of a chunk, or of a piece that became one; AudioSealBroken."""
    data, tag = bytes(chunk["data"]), bytes(chunk.get("tag", b""))
    if seal is None:
        return data
    if "nonce" in chunk:
        return seal.open_at(piece_at(n * CHUNK_BYTES), data, bytes(chunk["nonce"]), tag)
    return seal.open(n, data, tag)


def piece_at(offset: int) -> str:
    """What is bound into the tag of a piece that begins at this byte."""
    return f"piece {offset}"
