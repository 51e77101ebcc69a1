"""How a recording is sealed: chunk by chunk with AES-256-GCM, under a key of its own that an epoch's key wraps.

A chunk's nonce is its number, which no key meets twice; its recording and its
number are bound into its tag, so that a chunk can be neither changed nor moved.
What has no number yet (pieces and slices of a recording that arrives) has random
nonces, whose first bit no number has, and its place is bound into its tag.
"""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from services.errors import AudioSealBroken
from services.interviews.model import PartId
from services.recordings.ports.keyring import EpochId, EpochKey

VERSION = 1
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16
# Of so little most would be spent on beginning; more is copied less often the other way.
SMALL_BYTES = 64 * 1024
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is stored beside a sealed recording: its key, wrapped, and under which epoch's."""

    epoch: EpochId
    wrapped: bytes
    version: int = VERSION


class Seal:
    """Seals and opens the chunks of one recording."""

    def __init__(self, id: PartId, key: bytes) -> None:
        self._id = id
        self._bound = f"viva-voce chunk {VERSION} {id}".encode()
        self._cipher, self._at_once = AES(key), AESGCM(key)

    def seal(self, n: int, plain: bytes | memoryview) -> tuple[bytes, bytes]:
        """As many bytes as before, and their tag."""
        return self._sealed(_nonce(n), self._bound, plain)

    def open(self, n: int, sealed: bytes, tag: bytes) -> bytes:
        """What was sealed as this chunk; AudioSealBroken for anything else."""
        return self._opened(_nonce(n), self._bound, sealed, tag)

    def seal_at(self, place: str, plain: bytes | memoryview) -> tuple[bytes, bytes, bytes]:
        """As many bytes as before, their tag and their nonce; `place` says what they are, and where."""
        random = os.urandom(NONCE_BYTES)
        nonce = bytes((random[0] | 0x80,)) + random[1:]
        return *self._sealed(nonce, self._bound_at(place), plain), nonce

    def open_at(self, place: str, sealed: bytes, nonce: bytes, tag: bytes) -> bytes:
        """What was sealed for this place; AudioSealBroken for anything else."""
        if len(nonce) != NONCE_BYTES or not nonce[0] & 0x80:
            raise AudioSealBroken
        return self._opened(nonce, self._bound_at(place), sealed, tag)

    def _bound_at(self, place: str) -> bytes:
        return f"viva-voce {place} {VERSION} {self._id}".encode()

    def _sealed(self, nonce: bytes, bound: bytes, plain: bytes | memoryview) -> tuple[bytes, bytes]:
        if len(plain) <= SMALL_BYTES:
            whole = self._at_once.encrypt(nonce, plain, bound)
            return whole[:-TAG_BYTES], whole[-TAG_BYTES:]
        encryptor = Cipher(self._cipher, GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(bound)
        sealed = encryptor.update(plain) + encryptor.finalize()
        return sealed, encryptor.tag

    def _opened(self, nonce: bytes, bound: bytes, sealed: bytes, tag: bytes) -> bytes:
        if len(tag) != TAG_BYTES:
            raise AudioSealBroken
        try:
            if len(sealed) <= SMALL_BYTES:
                return self._at_once.decrypt(nonce, sealed + tag, bound)
            decryptor = Cipher(self._cipher, GCM(nonce, tag)).decryptor()
            decryptor.authenticate_additional_data(bound)
            return decryptor.update(sealed) + decryptor.finalize()
        except InvalidTag:
            raise AudioSealBroken from None


def new_seal(id: PartId, epoch: EpochKey) -> tuple[Seal, Envelope]:
    """The seal of a new recording, and what opens it later."""
    key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    wrapped = nonce + AESGCM(epoch.secret).encrypt(nonce, key, _owner(id, epoch.id))
    return Seal(id, key), Envelope(epoch.id, wrapped)


def opened(id: PartId, envelope: Envelope, epoch: EpochKey) -> Seal:
    """The seal of a stored recording; AudioSealBroken where the envelope is not its own."""
    if envelope.version != VERSION or len(envelope.wrapped) != WRAPPED_BYTES:
        raise AudioSealBroken
    nonce, wrapped = envelope.wrapped[:NONCE_BYTES], envelope.wrapped[NONCE_BYTES:]
    try:
        return Seal(id, AESGCM(epoch.secret).decrypt(nonce, wrapped, _owner(id, epoch.id)))
    except InvalidTag:
        raise AudioSealBroken from None


def new_secret() -> bytes:
    """The key of a new epoch."""
    return os.urandom(KEY_BYTES)


def _nonce(n: int) -> bytes:
    return n.to_bytes(NONCE_BYTES, "big")


def _owner(id: PartId, epoch: EpochId) -> bytes:
    return f"viva-voce key {VERSION} {epoch} {id}".encode()
