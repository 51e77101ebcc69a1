"""Recordings whose head was written before their sound, and not again: all of them is heard, and no more."""

import struct

import numpy as np
import pytest

from tests import audio
from tests.at_length import long_but
from tests.services.adapters.test_av_decoder_damage import codes, distant, heard, of, seconds

# The head of each before its sound, with the places and the form of the sizes of all and of the sound.
CHUNKED = {
    "aiff": (">I", 4, b"SSND", 4),
    "w64": ("<Q", 16, b"data\xf3", 16),
    "caf": (">Q", None, b"data", 4),
    "rf64": ("<Q", 20, b"ds64", 16),
    "au": (">I", 8, None, 0),
}


def sized(kind: str, data: bytes, whole: int | None, sound: int | None) -> bytes:
    """The same, with other sizes of all and of its sound, where it has them."""
    form, at, name, behind = CHUNKED[kind]
    changed, most = bytearray(data), 256 ** struct.calcsize(form)
    for place, size in ((at, whole), (None if name is None else changed.index(name) + behind, sound)):
        if place is not None and size is not None:
            struct.pack_into(form, changed, place, size % most)
    return bytes(changed)


def chunked(kind: str, length: float = 2.0) -> bytes:
    sound = audio.tone(length, 44_100)[np.newaxis]
    options = {"rf64": "always"} if kind == "rf64" else {}
    return audio.spoken(kind.replace("rf64", "wav"), sound, 44_100, "pcm_s16be" if kind == "caf" else None, options)


@pytest.mark.parametrize("sound", long_but(None, 0, 20_000, -1, of=[None, 0, 1, 25, 20_000, -1, -(2**31), 2**63 - 1]))
@pytest.mark.parametrize("whole", long_but(None, 0, of=[None, 0, 7, 20_000, -1]))
@pytest.mark.parametrize("kind", CHUNKED)
def test_what_does_not_know_its_length_or_says_too_little_is_whole(
    kind: str, whole: int | None, sound: int | None
) -> None:
    data = sized(kind, chunked(kind), whole, sound)
    samples, flaws = heard(data)
    assert seconds(samples) == pytest.approx(2.0, abs=0.01)
    assert flaws == ()
    there, flaws = heard(distant(data))
    assert (there.tobytes(), flaws) == (samples.tobytes(), ())
    if kind != "au":
        assert seconds(heard(data + data)[0]) == pytest.approx(4.0, abs=0.02)


@pytest.mark.parametrize("kind", CHUNKED)
def test_what_says_more_than_there_is_is_truncated_and_heard(kind: str) -> None:
    data = chunked(kind)
    for whole in (None, 0):
        samples, flaws = heard(sized(kind, data[: len(data) // 2], whole, None))
        assert seconds(samples) == pytest.approx(1.0, abs=0.01)
        assert codes(flaws) == ([] if kind == "au" and whole == 0 else ["truncated"])


@pytest.mark.parametrize("frames", [0, 1000, 2**32 - 1])
def test_aiff_may_say_anything_of_its_frames(frames: int) -> None:
    for size in (None, 0, 20_000):
        data = bytearray(sized("aiff", chunked("aiff"), None, size))
        struct.pack_into(">I", data, data.index(b"COMM") + 10, frames)
        samples, flaws = heard(bytes(data))
        assert seconds(samples) == pytest.approx(2.0, abs=0.01)
        assert flaws == ()


@pytest.mark.parametrize("size", [0, 4, 8_000, -1])
def test_caf_of_packets_is_heard_where_their_table_stands_behind_them(size: int) -> None:
    data = sized("caf", of(300, "caf", 2.0), None, size)
    for held in (data, distant(data)):
        samples, flaws = heard(held)
        assert seconds(samples) == pytest.approx(2.0, abs=0.05)
        assert flaws == ()


@pytest.mark.parametrize(
    ("kind", "behind"), [("aiff", b"NAME\0\0\0\x02ab"), ("caf", b"info" + bytes(7) + b"\x04\0\0\0\0")]
)
def test_a_chunk_behind_the_sound_is_not_heard(kind: str, behind: bytes) -> None:
    data = chunked(kind) + behind
    for held in (data, distant(data)):
        samples, flaws = heard(held)
        assert seconds(samples) == pytest.approx(2.0, abs=0.0005)
        assert flaws == ()
