"""What is sealed can be opened by its own key in its own place, whole, and in no other way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import AudioSealBroken
from services.interviews.model import PartId
from services.recordings import sealing
from services.recordings.ports.keyring import EpochId, EpochKey
from services.recordings.sealing import SMALL_BYTES, Envelope, Seal, new_seal, new_secret, opened

ID, OTHER = PartId("a" * 24), PartId("b" * 24)
EPOCH = EpochKey(EpochId("00000001-00000000"), b"k" * 32)
CHUNK = 255 * 1024
sizes = st.one_of(st.integers(0, 70), st.sampled_from([SMALL_BYTES, SMALL_BYTES + 1, CHUNK - 1, CHUNK, CHUNK + 1]))
numbers = st.integers(0, 2**40)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(sizes, numbers, st.integers(0, 255))
def test_a_chunk_of_any_size_comes_back_and_keeps_its_length(size: int, n: int, filling: int) -> None:
    seal, envelope = new_seal(ID, EPOCH)
    plain = bytes([filling]) * size
    data, tag = seal.seal(n, memoryview(plain))
    assert (len(data), len(tag)) == (size, 16)
    assert opened(ID, envelope, EPOCH).open(n, data, tag) == plain
    if size >= 16:
        assert data != plain


@given(st.binary(min_size=1, max_size=200), numbers, st.data())
def test_any_flip_is_noticed(plain: bytes, n: int, data: Any) -> None:
    seal, _ = new_seal(ID, EPOCH)
    sealed, tag = seal.seal(n, plain)
    bit = data.draw(st.integers(0, 8 * len(sealed + tag) - 1))
    changed = flipped(sealed + tag, bit)
    with pytest.raises(AudioSealBroken):
        seal.open(n, changed[:-16], changed[-16:])


@pytest.mark.parametrize(("sealed_at_once", "opened_at_once"), [(0, 100), (100, 0), (0, 0)])
def test_what_is_sealed_one_way_is_opened_the_other(
    monkeypatch: pytest.MonkeyPatch, sealed_at_once: int, opened_at_once: int
) -> None:
    seal, plain = Seal(ID, new_secret()), bytes(range(100))
    monkeypatch.setattr(sealing, "SMALL_BYTES", sealed_at_once)
    data, tag, nonce = seal.seal_at("here", memoryview(plain))
    monkeypatch.setattr(sealing, "SMALL_BYTES", opened_at_once)
    assert seal.open_at("here", data, nonce, tag) == plain
    for bit in range(0, 8 * len(data + tag), 7):
        changed = flipped(data + tag, bit)
        with pytest.raises(AudioSealBroken):
            seal.open_at("here", changed[:-16], nonce, changed[-16:])
    with pytest.raises(AudioSealBroken):
        seal.open_at("there", data, nonce, tag)


@given(st.binary(min_size=1, max_size=50), numbers, numbers)
def test_a_chunk_is_bound_to_its_place_and_its_recording(plain: bytes, n: int, other: int) -> None:
    key = new_secret()
    sealed, tag = Seal(ID, key).seal(n, plain)
    with pytest.raises(AudioSealBroken):
        Seal(OTHER, key).open(n, sealed, tag)
    if other != n:
        with pytest.raises(AudioSealBroken):
            Seal(ID, key).open(other, sealed, tag)


@pytest.mark.parametrize("cut", range(17))
def test_a_cut_tag_opens_nothing(cut: int) -> None:
    seal, _ = new_seal(ID, EPOCH)
    sealed, tag = seal.seal(0, b"sound")
    if cut == 16:
        assert seal.open(0, sealed, tag[:cut]) == b"sound"
    else:
        with pytest.raises(AudioSealBroken):
            seal.open(0, sealed, tag[:cut])


@given(st.integers(0, 8 * 60 - 1))
def test_any_flip_of_an_envelope_is_noticed(bit: int) -> None:
    _, envelope = new_seal(ID, EPOCH)
    with pytest.raises(AudioSealBroken):
        opened(ID, Envelope(envelope.epoch, flipped(envelope.wrapped, bit)), EPOCH)


def test_an_envelope_is_bound_to_its_recording_and_its_epoch() -> None:
    _, envelope = new_seal(ID, EPOCH)
    for id, key in (
        (OTHER, EPOCH),
        (ID, EpochKey(EPOCH.id, b"o" * 32)),
        (ID, EpochKey(EpochId("00000002-00000000"), EPOCH.secret)),
    ):
        with pytest.raises(AudioSealBroken):
            opened(id, envelope, key)
    for strange in (Envelope(envelope.epoch, envelope.wrapped[:-1]), Envelope(envelope.epoch, envelope.wrapped, 2)):
        with pytest.raises(AudioSealBroken):
            opened(ID, strange, EPOCH)


def test_no_two_recordings_share_a_key_or_a_sealed_byte() -> None:
    sealed = {new_seal(ID, EPOCH)[0].seal(0, bytes(64))[0] for _ in range(50)}
    wrapped = {new_seal(ID, EPOCH)[1].wrapped for _ in range(50)}
    assert (len(sealed), len(wrapped)) == (50, 50)


def test_a_key_is_never_shown() -> None:
    assert "k" * 8 not in repr(EPOCH)
