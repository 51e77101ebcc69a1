"""`python -m scripts.verify_receipts`: what it says of sound receipts, and of each kind of fault."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer import BadParameter

from scripts.verify_receipts import _verifier
from tests.at_length import long_but
from tests.in_memory import KEYS
from tests.services.recordings.test_receipt_chain import CHAIN, HEAD, LENGTH

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KEYS.published()))
    return file


def verify(*arguments: Path | str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "scripts.verify_receipts", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_every_form_of_a_file_is_read(tmp_path: Path, keys: Path) -> None:
    forms = {
        "page": json.dumps({"receipts": [{"receipt": token} for token in CHAIN], "next": None}),
        "tokens": "\n".join(CHAIN),
        "lines": "\n".join(json.dumps({"receipt": token}) for token in CHAIN),
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        status, said, _ = verify(tmp_path / name, "--keys", keys)
        assert (status, said.splitlines()[-1]) == (0, f"{LENGTH} of {LENGTH} receipts are sound, 0 faults")


def test_faults_are_named_with_their_lines(tmp_path: Path, keys: Path) -> None:
    (tmp_path / "r").write_text("\n".join([CHAIN[0], "x" + CHAIN[1], CHAIN[3]]))
    (tmp_path / "head").write_text(json.dumps({"chain": HEAD.chain, "seq": HEAD.number, "hash": HEAD.hash}))
    status, _, faults = verify(tmp_path / "r", "--keys", keys, "--head", tmp_path / "head")
    assert status == 1
    assert [line.split(": ", 1)[1].split(":")[0] for line in faults.splitlines()] == [
        "forged or damaged",
        "2 missing before number 4",
        f"cut off: it ends with number 4, and its published head is {LENGTH}".split(":")[0],
    ]
    assert f"{tmp_path / 'r'}:2: " in faults


@pytest.mark.parametrize("wrong", long_but("{", of=["", "[]", "{", '{"chain": 1}']))
def test_what_is_no_key_set_or_no_head_is_said(tmp_path: Path, keys: Path, wrong: str) -> None:
    (tmp_path / "r").write_text(CHAIN[0])
    (tmp_path / "wrong").write_text(wrong)
    assert verify(tmp_path / "r", "--keys", tmp_path / "wrong")[0] != 0
    status, _, said = verify(tmp_path / "r", "--keys", keys, "--head", tmp_path / "wrong")
    assert status == 2
    assert "Traceback" not in said


def test_an_empty_file_proves_nothing(tmp_path: Path, keys: Path) -> None:
    (tmp_path / "r").write_text("")
    assert verify(tmp_path / "r", "--keys", keys)[0] == 1


@pytest.mark.parametrize(
    "wrong", [{"keys": 5}, {}, {"keys": [{"crv": "Ed25519"}]}, {"keys": [{"crv": "Ed25519", "kty": "OKP", "x": "!"}]}]
)
def test_keys_that_are_none_are_a_sentence(tmp_path: Path, wrong: dict[str, object]) -> None:
    (tmp_path / "keys").write_text(json.dumps(wrong))
    with pytest.raises(BadParameter, match=r"needs a list of them|key that is none"):
        _verifier(tmp_path / "keys")
