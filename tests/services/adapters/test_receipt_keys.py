"""Keys in a folder: which signs, what is published, and what is wrong with a folder."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.adapters.receipt_keys import BadReceiptKeys, ReceiptKeys, ReceiptVerifier, new_key, thumbprint
from services.recordings.receipt_chain import Forged

# The key of RFC 8037, appendix A, and its thumbprint there.
RFC_8037 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def some_keys() -> ReceiptKeys:
    return ReceiptKeys(load_pem_private_key(new_key(), None), {})  # type: ignore[arg-type]


def header_of(token: str) -> dict[str, str]:
    head = token.split(".")[0]
    found: dict[str, str] = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return found


def test_a_key_is_called_by_its_thumbprint() -> None:
    assert thumbprint(RFC_8037) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_last_by_name_signs_and_what_others_signed_stays_sound(tmp_path: Path) -> None:
    (tmp_path / "1.pem").write_bytes(new_key())
    old = ReceiptKeys.of_folder(tmp_path).sign({"n": 1})
    (tmp_path / "2.pem").write_bytes(new_key())
    keys = ReceiptKeys.of_folder(tmp_path)
    new = keys.sign({"n": 2})
    verifier = ReceiptVerifier(keys.published())
    assert [verifier.verify(token) for token in (old, new)] == [{"n": 1}, {"n": 2}]
    assert header_of(old)["kid"] != header_of(new)["kid"]
    assert header_of(new)["alg"] == "Ed25519"


def test_of_a_retired_key_the_public_half_is_enough(tmp_path: Path) -> None:
    (tmp_path / "1.pem").write_bytes(new_key())
    old = ReceiptKeys.of_folder(tmp_path).sign({"n": 1})
    private = load_pem_private_key((tmp_path / "1.pem").read_bytes(), None)
    (tmp_path / "1.pem").write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "2.pem").write_bytes(new_key())
    assert ReceiptVerifier(ReceiptKeys.of_folder(tmp_path).published()).verify(old) == {"n": 1}


def test_another_library_verifies_what_is_signed(tmp_path: Path) -> None:
    keys = some_keys()
    token = keys.sign({"n": 1})
    (published,) = keys.published()["keys"]
    assert "alg" not in published
    jws = jwt.PyJWS(algorithms=[])
    jws.register_algorithm("Ed25519", jwt.algorithms.OKPAlgorithm())
    key = jwt.algorithms.OKPAlgorithm.from_jwk(published)
    assert json.loads(jws.decode(token, key, algorithms=["Ed25519"])) == {"n": 1}  # type: ignore[arg-type]


def test_the_older_name_of_the_algorithm_is_taken_and_no_other_type(tmp_path: Path) -> None:
    (tmp_path / "1.pem").write_bytes(new_key())
    keys = ReceiptKeys.of_folder(tmp_path)
    private = (tmp_path / "1.pem").read_bytes().decode()
    kid = keys.published()["keys"][0]["kid"]
    verifier = ReceiptVerifier(keys.published())
    old = jwt.encode({"n": 1}, private, "EdDSA", {"typ": "deletion-receipt+jwt", "kid": kid})
    assert verifier.verify(old) == {"n": 1}
    with pytest.raises(Forged, match="no deletion receipt"):
        verifier.verify(jwt.encode({"n": 1}, private, "EdDSA", {"kid": kid}))
    unsigned = jwt.encode({"n": 1}, "", "none", {"typ": "deletion-receipt+jwt", "kid": kid})
    with pytest.raises(Forged):
        verifier.verify(unsigned)


@pytest.mark.parametrize("files", [{}, {"a.txt": b"x"}, {"a.pem": b"x"}, {"a.pem": b""}])
def test_a_folder_without_a_key_says_how_to_make_one(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_bytes(text)
    with pytest.raises(BadReceiptKeys, match="RECEIPT_KEYS"):
        ReceiptKeys.of_folder(tmp_path)


def test_keys_of_another_kind_or_with_a_password_are_refused(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "a.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BadReceiptKeys, match="no Ed25519 key"):
        ReceiptKeys.of_folder(tmp_path)
    locked = load_pem_private_key(new_key(), None)
    (tmp_path / "a.pem").write_bytes(
        locked.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    )
    with pytest.raises(BadReceiptKeys, match="without a password"):
        ReceiptKeys.of_folder(tmp_path)
