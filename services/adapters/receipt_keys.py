"""Ed25519 keys that sign deletion receipts: a folder of PEM files, of which the last by name signs.

What earlier files have signed stays verifiable: their public halves are published with the others', also where
nothing but a public half is left in the file. Source of the formats: RFC 7515, RFC 7638, RFC 8037, RFC 9864.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt import PyJWTError
from jwt.algorithms import OKPAlgorithm
from jwt.api_jws import PyJWS

from services.recordings.receipt_chain import Forged

ALGORITHMS = ["Ed25519", "EdDSA"]
TYPE = "deletion-receipt+jwt"

Jwk = dict[str, str]


class BadReceiptKeys(Exception):
    """The folder of keys cannot be used; says what to do."""


class ReceiptKeys:
    """The port Signer, and what is published of it."""

    def __init__(self, private: Ed25519PrivateKey, public: Mapping[str, Jwk]) -> None:
        own = _jwk(private.public_key())
        self._private = private
        self._id = thumbprint(own)
        self._public = {**public, self._id: own}
        self._jws = _jws()

    @classmethod
    def of_folder(cls, folder: Path) -> "ReceiptKeys":
        """The keys of the folder; BadReceiptKeys where none of them can sign."""
        try:
            files = sorted(folder.glob("*.pem"))
            keys = [_read(file) for file in files]
        except OSError as error:
            raise BadReceiptKeys(f"RECEIPT_KEYS: {folder} cannot be read: {error.strerror}") from None
        if not keys or not isinstance(keys[-1], Ed25519PrivateKey):
            raise BadReceiptKeys(
                f"RECEIPT_KEYS: no key in {folder} signs. Make one: "
                f"openssl genpkey -algorithm ed25519 -out {folder / 'receipts-1.pem'}"
            )
        public = [_jwk(key.public_key() if isinstance(key, Ed25519PrivateKey) else key) for key in keys]
        return cls(keys[-1], {thumbprint(jwk): jwk for jwk in public})

    def sign(self, claims: Mapping[str, object]) -> str:
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return self._jws.encode(payload, self._private, "Ed25519", {"typ": TYPE, "kid": self._id})

    def published(self) -> dict[str, list[Jwk]]:
        """A JWK set of all public keys; without `alg`, so that readers of either of its two names take them."""
        return {"keys": [{**jwk, "kid": id, "use": "sig"} for id, jwk in self._public.items()]}


class ReceiptVerifier:
    """Tells by a published JWK set whether a receipt is as it was signed."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        keys = [key for key in published.get("keys", ()) if isinstance(key, dict) and key.get("crv") == "Ed25519"]
        self._keys = {thumbprint(key): _public_key(key) for key in keys}
        self._jws = _jws()

    def verify(self, token: str) -> dict[str, object]:
        """The claims; Forged."""
        try:
            header = self._jws.get_unverified_header(token)
            if header.get("typ") != TYPE:
                raise Forged("it is no deletion receipt")
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                raise Forged("none of these keys has signed it")
            claims = json.loads(self._jws.decode(token, key, algorithms=ALGORITHMS))
        except (PyJWTError, ValueError) as error:
            raise Forged(str(error) or type(error).__name__) from None
        if not isinstance(claims, dict):
            raise Forged("it claims nothing")
        return claims


def new_key() -> bytes:
    """A new private key, as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def thumbprint(jwk: Mapping[str, str]) -> str:
    """What a key is called: RFC 7638."""
    members = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"), sort_keys=True)
    return _base64(hashlib.sha256(members.encode()).digest())


def _read(file: Path) -> Ed25519PrivateKey | Ed25519PublicKey:
    text = file.read_bytes()
    try:
        key = load_pem_private_key(text, None) if b"PRIVATE KEY" in text else load_pem_public_key(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise BadReceiptKeys(f"RECEIPT_KEYS: {file} holds no Ed25519 key in PEM without a password.")
    return key


def _public_key(jwk: Mapping[str, str]) -> Ed25519PublicKey:
    x = jwk["x"]
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))


def _jwk(key: Ed25519PublicKey) -> Jwk:
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _jws() -> PyJWS:
    jws = PyJWS(algorithms=[])
    for name in ALGORITHMS:
        jws.register_algorithm(name, OKPAlgorithm())
    return jws


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
